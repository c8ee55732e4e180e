using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using TopGun.Buckets.Client;
using TopGun.Buckets.Client.Generators;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

public sealed partial class TableGeneratorTests : IAsyncDisposable
{
    private readonly ScratchFolder _folder = new();
    private BucketsClient? _client;

    internal enum Mood
    {
        Calm,
        Busy,
    }

    [SyncedTable("things", TrackPrevious = TrackPrevious.Changed, ViewName = "my_things")]
    [TableIndex("by_title", "title", "count DESC")]
    internal sealed partial record Thing(
        string Id, string Title, string? Note, bool Done, int Count, long? Big, double Size, decimal? Price, Guid OwnerId, DateTimeOffset? DueAt, DateOnly Day,
        Mood Mood, [Column("HTML")] string HtmlBody);

    [SyncedTable("bare", Kind = TableKind.LocalOnly, Storage = TableStorage.Native)]
    internal sealed partial record Bare(string Id);

    [QueryRow]
    internal sealed partial record Summary(Mood Mood, [Column("how_many")] long Count, string? First);

    [QueryRow]
    internal readonly partial record struct Pair(string Id, bool Done);

    [Fact]
    public async Task A_result_is_read_into_records_by_the_names_of_its_columns()
    {
        var client = await OpenAsync();
        await client.RunAsync("INSERT INTO my_things(id, title, mood, done) VALUES('a', 'x', 1, 1), ('b', 'y', 1, 0), ('c', NULL, 0, 0)");
        var summaries = client.Rows<Summary>("SELECT min(title) AS first, count(*) AS how_many, mood FROM my_things WHERE id < ? GROUP BY mood ORDER BY mood", ["z"]);

        Assert.Equal([new Summary(Mood.Calm, 1, null), new Summary(Mood.Busy, 2, "x")], await summaries.QueryAsync(ClientCalls.Now));
        Assert.Equal([new Pair("a", true)], await client.Rows<Pair>("SELECT * FROM my_things WHERE id = 'a'").QueryAsync(ClientCalls.Now));

        await using var seen = summaries.Watch(ClientCalls.Now).GetAsyncEnumerator(ClientCalls.Now);
        Assert.True(await seen.MoveNextAsync());
        await client.RunAsync("DELETE FROM my_things WHERE id = 'c'");
        Assert.True(await seen.MoveNextAsync());
        Assert.Equal([new Summary(Mood.Busy, 2, "x")], seen.Current);

        using var list = client.Rows<Pair>("SELECT done, id FROM my_things ORDER BY id").Live();
        await list.Loaded.WaitAsync(ClientCalls.Now);
        Assert.Equal([new Pair("a", true), new Pair("b", false)], list);
        var failure = await Assert.ThrowsAsync<TopGun.Buckets.Protocol.BucketsException>(() => client.Rows<Pair>("SELECT id FROM my_things").QueryAsync(ClientCalls.Now));
        Assert.Equal("TGB6050", failure.Code);
        Assert.Contains("'done'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_record_declares_its_table()
    {
        var table = Thing.Table;

        Assert.Equal(("things", "my_things", TrackPrevious.Changed, TableKind.Synced), (table.Name, table.ViewName, table.TrackPrevious, table.Kind));
        Assert.Equal(
            "title Text, note Text, done Integer, count Integer, big Integer, size Real, price Text, owner_id Text, due_at Text, day Text, mood Integer, HTML Text",
            string.Join(", ", table.Columns.Select(column => $"{column.Name} {column.Kind}")));
        var index = Assert.Single(table.Indexes);
        Assert.Equal(["title", "count DESC"], index.Columns);
        Assert.Equal((TableKind.LocalOnly, TableStorage.Native), (Bare.Table.Kind, Bare.Table.Storage));
    }

    [Theory]
    [InlineData(TableStorage.View)]
    [InlineData(TableStorage.Native)]
    public async Task Rows_are_written_and_read_as_records(TableStorage storage)
    {
        var things = (await OpenAsync(storage)).Table<Thing>();
        var thing = new Thing(
            "a", "Title", null, true, 7, long.MaxValue, 0.5, 12345678901234567.89m, Guid.NewGuid(), new DateTimeOffset(2026, 5, 4, 3, 2, 1, TimeSpan.FromHours(2)),
            new DateOnly(2026, 2, 3), Mood.Busy, "<p>");

        await things.InsertAsync(thing, ClientCalls.Now);
        Assert.Equal(thing, await things.FindAsync("a", ClientCalls.Now));
        Assert.Equal([thing], await things.QueryAsync("WHERE count > ? ORDER BY title", [6], ClientCalls.Now));
        await Assert.ThrowsAsync<LocalStoreException>(() => things.InsertAsync(thing, ClientCalls.Now));

        Assert.True(await things.UpdateAsync(thing with { Title = "Other", DueAt = null }, ClientCalls.Now));
        Assert.True(await things.UpdateAsync(thing with { Title = "Other", DueAt = null }, ClientCalls.Now)); // nothing to do, but it is there
        Assert.False(await things.UpdateAsync(thing with { Id = "b" }, ClientCalls.Now));
        await things.UpsertAsync(thing with { Id = "b" }, ClientCalls.Now);
        Assert.True(await things.DeleteAsync("a", ClientCalls.Now));
        Assert.False(await things.DeleteAsync("a", ClientCalls.Now));

        Assert.Equal([thing with { Id = "b" }], await things.QueryAsync(cancellationToken: ClientCalls.Now));
        Assert.Equal(
            ["PUT a", "PATCH a {\"title\":\"Other\",\"due_at\":null}", "PUT b", "DELETE a"],
            await _client!.TextsAsync("SELECT op || ' ' || id || CASE op WHEN 'PATCH' THEN ' ' || data ELSE '' END FROM tg_crud ORDER BY seq"));
    }

    [Fact]
    public async Task A_column_that_is_null_reads_as_null_or_the_types_default()
    {
        var client = await OpenAsync();
        await client.RunAsync("INSERT INTO my_things(id) VALUES('a')");

        Assert.Equal(
            new Thing("a", "", null, false, 0, null, 0, null, Guid.Empty, null, default, Mood.Calm, ""), await client.Table<Thing>().FindAsync("a", ClientCalls.Now));
    }

    [Fact]
    public async Task A_table_with_nothing_but_its_id_works_too()
    {
        var client = await OpenAsync();

        await client.WriteTransactionAsync(
            async transaction =>
            {
                await transaction.UpsertAsync(new Bare("a"), ClientCalls.Now);
                await transaction.UpsertAsync(new Bare("a"), ClientCalls.Now);
                Assert.Equal(new Bare("a"), await transaction.FindAsync<Bare>("a", ClientCalls.Now));
            },
            ClientCalls.Now);

        Assert.Equal([new Bare("a")], await client.Table<Bare>().QueryAsync(cancellationToken: ClientCalls.Now));
    }

    [Theory]
    [InlineData("record R(string A);", "TGB6060", "QueryRow")]
    [InlineData("partial record R;", "TGB6063", "QueryRow")]
    [InlineData("partial record R(string A, object B);", "TGB6062", "QueryRow")]
    [InlineData("partial record struct R(long Count, R.E? Kind) { public enum E { A } }", null, "QueryRow")]
    [InlineData("record R(string Id, string A);", "TGB6060")]
    [InlineData("partial record R(int Id, string A);", "TGB6061")]
    [InlineData("partial record R(string A, string Id);", "TGB6061")]
    [InlineData("partial class R { }", "TGB6061")]
    [InlineData("partial record R(string Id, object A);", "TGB6062")]
    [InlineData("partial record R(string Id, string A, string a);", "TGB6062")]
    [InlineData("partial record R(string Id, string ListId, [Column(\"list_id\")] string B);", "TGB6062")]
    [InlineData("partial class R(string id, string a) { public string Id { get; } = id; }", "TGB6062")]
    [InlineData("partial class R(string id, string a) { public string Id { get; } = id; public string A { get; } = a; }", null)]
    [InlineData("partial record R(string Id, System.DateTime? ListId, R.E? Kind) { public enum E { A } }", null)]
    public void What_cannot_be_a_table_or_a_row_is_an_error_with_a_code(string declaration, string? code, string attribute = "SyncedTable(\"r\")")
    {
        var compilation = CSharpCompilation.Create(
            "app",
            [CSharpSyntaxTree.ParseText(
                $"using TopGun.Buckets.Client; namespace App; [{attribute}] public {declaration}", cancellationToken: ClientCalls.Now)],
            [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path))],
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));

        CSharpGeneratorDriver.Create(new TableGenerator()).RunGeneratorsAndUpdateCompilation(compilation, out var result, out var problems, ClientCalls.Now);

        if (code is not null)
            Assert.Contains(problems, problem => problem.Id == code);
        else
            Assert.DoesNotContain(result.GetDiagnostics(ClientCalls.Now).Concat(problems), problem => problem.Severity >= DiagnosticSeverity.Warning);
    }

    private async Task<BucketsClient> OpenAsync(TableStorage storage = TableStorage.View) =>
        _client = await Todos.OpenAsync(_folder, new LocalSchema(Thing.Table with { Storage = storage }, Bare.Table));

    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
            await _client.DisposeAsync();
        _folder.Dispose();
    }
}
