using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using TopGun.Buckets.Client;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

public sealed class QueryTests : IAsyncDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly ScriptedService _service = new();
    private BucketsClient? _client;

    private sealed record Todo(string Id, string? Title, bool Done, double? Rating = null, string Extra = "none");

    private enum Choice
    {
        No,
        Yes,
    }

    [Fact]
    public async Task Rows_are_read_as_records_by_column_name()
    {
        var client = await OpenAsync();
        await client.RunAsync("INSERT INTO todos(id, title, done) VALUES('t1', 'Milk', 1), ('t2', NULL, 0)");

        var todos = await client.QueryAsync<Todo>("SELECT id, title, done, rating FROM todos ORDER BY id", cancellationToken: ClientCalls.Now);

        Assert.Equal([new Todo("t1", "Milk", true), new Todo("t2", null, false)], todos);
    }

    [Fact]
    public async Task Values_go_in_and_come_out_as_they_were()
    {
        var client = await OpenAsync();
        var guid = Guid.Parse("0f8fad5b-d9cb-469f-a165-70867728950e");
        var time = new DateTimeOffset(2026, 5, 4, 3, 2, 1, TimeSpan.FromHours(2));

        Assert.Equal([guid], await client.QueryAsync<Guid>("SELECT ?", [guid], ClientCalls.Now));
        Assert.Equal([time], await client.QueryAsync<DateTimeOffset>("SELECT ?", [time], ClientCalls.Now));
        Assert.Equal([12345678901234567.89m], await client.QueryAsync<decimal>("SELECT ?", [12345678901234567.89m], ClientCalls.Now));
        Assert.Equal([long.MinValue], await client.QueryAsync<long>("SELECT ?", [long.MinValue], ClientCalls.Now));
        Assert.Equal([new DateOnly(2026, 2, 3)], await client.QueryAsync<DateOnly>("SELECT ?", [new DateOnly(2026, 2, 3)], ClientCalls.Now));
        Assert.Equal([new TimeOnly(4, 5, 6)], await client.QueryAsync<TimeOnly>("SELECT ?", [new TimeOnly(4, 5, 6)], ClientCalls.Now));
        Assert.Equal([TimeSpan.FromDays(1.5)], await client.QueryAsync<TimeSpan>("SELECT ?", [TimeSpan.FromDays(1.5)], ClientCalls.Now));
        Assert.Equal([Choice.Yes], await client.QueryAsync<Choice>("SELECT ?", [Choice.Yes], ClientCalls.Now));
        Assert.Equal([null, 3], await client.QueryAsync<int?>("SELECT NULL UNION ALL SELECT 3", cancellationToken: ClientCalls.Now));
        Assert.Equal([""], await client.QueryAsync<string>("SELECT ?", [""], ClientCalls.Now));
        Assert.Equal([[1, 2, 3]], await client.QueryAsync<byte[]>("SELECT ?", [new byte[] { 1, 2, 3 }], ClientCalls.Now));
        Assert.Equal(["a?b:c"], await client.QueryAsync<string>("SELECT 'a?b' || @x", [":c"], ClientCalls.Now));
    }

    [Fact]
    public async Task A_row_that_does_not_fit_is_a_named_failure()
    {
        var client = await OpenAsync();

        var failure = await Assert.ThrowsAsync<BucketsException>(() => client.QueryAsync<Todo>("SELECT 1 AS other", cancellationToken: ClientCalls.Now));
        Assert.Equal("TGB6050", failure.Code);
        await Assert.ThrowsAsync<BucketsException>(() => client.QueryAsync<int>("SELECT NULL", cancellationToken: ClientCalls.Now));
        await Assert.ThrowsAsync<ArgumentException>(() => client.QueryAsync<int>("SELECT ?", cancellationToken: ClientCalls.Now));
    }

    [Fact]
    public async Task A_query_cannot_write()
    {
        var client = await OpenAsync();

        var failure = await Assert.ThrowsAsync<LocalStoreException>(() => client.TextsAsync("DELETE FROM todos RETURNING id"));

        Assert.Equal(8, failure.SqliteErrorCode & 0xFF); // read-only
    }

    [Fact]
    public async Task A_failed_transaction_leaves_nothing_and_a_committed_one_is_seen_at_once()
    {
        var client = await OpenAsync();

        await Assert.ThrowsAsync<InvalidOperationException>(() => client.TransactAsync(async transaction =>
        {
            await transaction.RunAsync("INSERT INTO todos(id) VALUES('t1')");
            Assert.Equal(["t1"], await transaction.QueryAsync<string>("SELECT id FROM todos", cancellationToken: ClientCalls.Now));
            throw new InvalidOperationException("changed my mind");
        }));
        Assert.Equal("", await Todos.RowsAsync(client));
        Assert.Empty(await Todos.QueueAsync(client));

        await client.TransactAsync(transaction => transaction.RunAsync("INSERT INTO todos(id) VALUES('t2')"));
        Assert.Equal("t2=", await Todos.RowsAsync(client));
    }

    [Fact]
    public async Task An_insert_through_a_view_that_returns_rows_is_refused_where_it_would_end_the_process()
    {
        var client = await OpenAsync();

        var failure = await Assert.ThrowsAsync<BucketsException>(() => client.RunAsync("INSERT INTO Todos(id) VALUES('t1') RETURNING id"));

        Assert.Equal("TGB6029", failure.Code);
        await client.TransactAsync(async transaction =>
        {
            await transaction.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'a')");
            await Assert.ThrowsAsync<BucketsException>(
                () => transaction.QueryAsync<string>("INSERT INTO todos(id) SELECT 't2' RETURNING id", cancellationToken: ClientCalls.Now));
            Assert.Equal(["b"], await transaction.QueryAsync<string>("UPDATE todos SET title = 'b' RETURNING title", cancellationToken: ClientCalls.Now));
        });
        await client.RunAsync("CREATE TABLE notes(id INTEGER PRIMARY KEY)");
        Assert.Equal(1, await client.RunAsync("INSERT INTO notes VALUES(1) RETURNING id"));
        Assert.Equal("t1=b", await Todos.RowsAsync(client));
    }

    [Fact]
    public async Task Using_the_client_inside_its_own_transaction_fails_instead_of_waiting_for_ever()
    {
        var client = await OpenAsync();
        WriteTransaction? kept = null;

        var failure = await Assert.ThrowsAsync<BucketsException>(() => client.TransactAsync(async transaction =>
        {
            kept = transaction;
            await client.RunAsync("INSERT INTO todos(id) VALUES('t1')");
        }));

        Assert.Equal("TGB6021", failure.Code);
        Assert.Equal("TGB6023", (await Assert.ThrowsAsync<BucketsException>(() => kept!.RunAsync("SELECT 1"))).Code);
        Assert.Equal(1, await client.RunAsync("INSERT INTO todos(id) VALUES('t2')"));
    }

    [Fact]
    public async Task Many_writers_take_turns()
    {
        var client = await OpenAsync();

        await Task.WhenAll(Enumerable.Range(0, 100).Select(index => index % 2 == 0
            ? client.RunAsync("INSERT INTO todos(id) VALUES(?)", $"t{index}")
            : client.TransactAsync(async transaction =>
            {
                await transaction.RunAsync("INSERT INTO todos(id) VALUES(?)", $"t{index}");
                await Task.Yield();
                await transaction.RunAsync("UPDATE todos SET title = ? WHERE id = ?", "x", $"t{index}");
            })));

        Assert.Equal(["100 50"], await client.TextsAsync("SELECT count(*) || ' ' || count(title) FROM todos"));
        Assert.Equal(["100"], await client.TextsAsync("SELECT count(DISTINCT tx) FROM tg_crud"));
    }

    [Fact]
    public async Task A_long_query_stops_when_it_is_cancelled()
    {
        var client = await OpenAsync();
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(ClientCalls.Now);
        var query = client.QueryAsync<long>(
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n", cancellationToken: cancel.Token);

        cancel.CancelAfter(TimeSpan.FromMilliseconds(50));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => query);
        Assert.Equal(["1"], await client.TextsAsync("SELECT 1"));
    }

    [Fact]
    public async Task A_live_query_follows_local_writes_and_downloads_and_nothing_else()
    {
        var client = await OpenAsync();
        await client.RunAsync("CREATE TABLE other(x)");
        await client.ConnectAsync(ClientCalls.Now);
        var stream = await _service.NextStreamAsync();
        await using var results = client.Watch<string>("SELECT id || '=' || title FROM todos ORDER BY id", cancellationToken: ClientCalls.Now)
            .GetAsyncEnumerator(ClientCalls.Now);

        Assert.Empty(await NextAsync(results));
        await stream.SendAsync(Lines.Checkpoint(1, null, ("b", 1, 3)), Lines.Data("b", Lines.Put(1, "todos", "t1", "{\"title\":\"a\"}", 1)), Lines.Complete(1));
        Assert.Equal(["t1=a"], await NextAsync(results));
        await client.RunAsync("UPDATE todos SET title = 'b'");
        Assert.Equal(["t1=b"], await NextAsync(results));

        var next = results.MoveNextAsync().AsTask();
        await client.RunAsync("INSERT INTO other VALUES(1)");
        await Assert.ThrowsAsync<LocalStoreException>(() => client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'again')"));
        Assert.False(next.IsCompleted);
        await client.DisposeAsync();
        Assert.False(await next);
    }

    [Fact]
    public async Task Status_survives_a_restart()
    {
        var client = await OpenAsync();
        await client.ConnectAsync(ClientCalls.Now);
        var stream = await _service.NextStreamAsync();
        await stream.SendAsync(Lines.Checkpoint(1, null, ("b", 1, 3)), Lines.Data("b", Lines.Put(1, "todos", "t1", "{}", 1)), Lines.Complete(1));
        await client.SyncedAsync();
        await client.RunAsync("INSERT INTO todos(id) VALUES('t2')");
        await client.DisposeAsync();

        var again = await OpenAsync();

        Assert.True(again.Status.HasSynced);
        Assert.Equal((1, BlockedBy.PendingUploads, ConnectionState.Offline), (again.Status.PendingUploads, again.Status.BlockedBy, again.Status.State));
        await again.WaitForFirstSyncAsync(cancellationToken: ClientCalls.Now);
    }

    [Fact]
    public async Task The_service_collection_gets_a_client_that_connects_with_the_host()
    {
        var services = new ServiceCollection().AddTopGunBuckets(_ => Todos.Options(_folder) with { Transport = _service });
        await using var provider = services.BuildServiceProvider();

        foreach (var hosted in provider.GetServices<IHostedService>())
            await hosted.StartAsync(ClientCalls.Now);
        var stream = await _service.NextStreamAsync();
        await stream.SendAsync(Lines.Checkpoint(0), Lines.Complete(0));

        await provider.GetRequiredService<BucketsClient>().SyncedAsync();
    }

    [Fact]
    public void An_option_that_cannot_work_is_refused_at_once()
    {
        var failure = Assert.Throws<BucketsException>(() => new BucketsClient(Todos.Options(_folder) with { Endpoint = new Uri("ftp://x") }));

        Assert.Equal("TGB6001", failure.Code);
        Assert.Contains("Endpoint", failure.Message, StringComparison.Ordinal);
    }

    private static async Task<IReadOnlyList<string>> NextAsync(IAsyncEnumerator<IReadOnlyList<string>> results)
    {
        Assert.True(await results.MoveNextAsync().AsTask().WaitAsync(Patience.Limit, ClientCalls.Now));
        return results.Current;
    }

    private async Task<BucketsClient> OpenAsync() =>
        _client = await BucketsClient.OpenAsync(Todos.Options(_folder) with { Transport = _service }, ClientCalls.Now);

    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
            await _client.DisposeAsync();
        _folder.Dispose();
    }
}
