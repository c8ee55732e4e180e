using TopGun.Buckets.Client;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Protocol;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

public sealed class SchemaViewTests : IAsyncDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly List<BucketsClient> _clients = [];

    [Fact]
    public async Task An_insert_is_stored_and_queued_with_its_columns_that_are_not_null()
    {
        var client = await OpenAsync();

        var rows = await client.RunAsync("INSERT INTO todos(id, title, done) VALUES('t1', 'Milk', 0)");

        Assert.Equal(1, rows);
        Assert.Equal(["2 PUT todos/t1 {\"title\":\"Milk\",\"done\":0}"], await Todos.QueueAsync(client));
        Assert.Equal("t1=Milk", await Todos.RowsAsync(client));
    }

    [Fact]
    public async Task An_update_queues_the_changed_columns_and_keeps_fields_the_schema_does_not_know()
    {
        var client = await OpenAsync();
        await client.RunAsync("INSERT INTO tg_data__todos(id, data) VALUES('t1', '{\"title\":\"Milk\",\"done\":0,\"secret\":\"x\"}')");

        var rows = await client.RunAsync("UPDATE todos SET title = 'Oat milk', done = 0 WHERE id = 't1'");

        Assert.Equal(1, rows);
        Assert.Equal(["4 PATCH todos/t1 {\"title\":\"Oat milk\"}"], await Todos.QueueAsync(client));
        Assert.Equal(["{\"title\":\"Oat milk\",\"done\":0,\"secret\":\"x\"}"], await client.TextsAsync("SELECT data FROM tg_data__todos"));
    }

    [Fact]
    public async Task Setting_a_column_to_null_is_queued_as_null()
    {
        var client = await OpenAsync();
        await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'Milk')");

        await client.RunAsync("UPDATE todos SET title = NULL");

        Assert.EndsWith("PATCH todos/t1 {\"title\":null}", (await Todos.QueueAsync(client))[1], StringComparison.Ordinal);
        Assert.Equal("t1=", await Todos.RowsAsync(client));
    }

    [Fact]
    public async Task An_update_that_changes_nothing_queues_nothing_unless_asked_to()
    {
        var client = await OpenAsync(new LocalSchema(Todos.Table, Todos.Table with { Name = "notes", QueueEmptyUpdates = true }));
        await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'Milk')");
        await client.RunAsync("INSERT INTO notes(id, title) VALUES('n1', 'Milk')");

        await client.RunAsync("UPDATE todos SET title = 'Milk'");
        await client.RunAsync("UPDATE notes SET title = 'Milk'");

        Assert.Equal(["PUT", "PUT", "PATCH"], await client.TextsAsync("SELECT op FROM tg_crud ORDER BY seq"));
    }

    [Fact]
    public async Task A_delete_is_queued_and_removes_the_row()
    {
        var client = await OpenAsync();
        await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'Milk')");

        Assert.Equal(1, await client.RunAsync("DELETE FROM todos WHERE id = ?", "t1"));

        Assert.EndsWith("DELETE todos/t1", (await Todos.QueueAsync(client))[1], StringComparison.Ordinal);
        Assert.Equal("", await Todos.RowsAsync(client));
    }

    [Theory]
    [InlineData("INSERT INTO todos(id, title) VALUES(NULL, 'x')", "id is required")]
    [InlineData("INSERT INTO todos(id, title) VALUES(7, 'x')", "id must be text")]
    [InlineData("UPDATE todos SET id = 'other'", "id cannot change")]
    [InlineData("INSERT INTO todos(id, title) VALUES('t1', 'x')", "UNIQUE")]
    [InlineData("INSERT INTO todos(id, title) VALUES('t2', x'00')", "BLOB")]
    public async Task A_write_that_is_refused_leaves_nothing_behind(string sql, string reason)
    {
        var client = await OpenAsync();
        await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'Milk')");

        var failure = await Assert.ThrowsAsync<LocalStoreException>(() => client.RunAsync(sql));

        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
        Assert.Equal("TGB6020", failure.Code);
        Assert.Single(await Todos.QueueAsync(client));
        Assert.Equal("t1=Milk", await Todos.RowsAsync(client));
    }

    [Fact]
    public async Task Insert_or_replace_queues_a_put_and_insert_or_ignore_of_a_known_id_queues_nothing()
    {
        var client = await OpenAsync();
        await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'Milk')");

        await client.RunAsync("INSERT OR REPLACE INTO todos(id, title) VALUES('t1', 'Eggs')");
        await client.RunAsync("INSERT OR IGNORE INTO todos(id, title) VALUES('t1', 'Bread')");

        Assert.Equal(["{\"title\":\"Milk\"}", "{\"title\":\"Eggs\"}"], await client.TextsAsync("SELECT data FROM tg_crud ORDER BY seq"));
        Assert.Equal("t1=Eggs", await Todos.RowsAsync(client));
    }

    [Fact]
    public async Task Values_keep_their_kind()
    {
        var client = await OpenAsync();

        await client.RunAsync("INSERT INTO todos(id, title, done, rating) VALUES('t1', '007', 9223372036854775807, 1.0)");
        await client.RunAsync("INSERT INTO todos(id, title, rating) VALUES('t2', json_object('a', 1), 0.25)");

        Assert.Equal(
            ["t1|007|9223372036854775807|1.0", "t2|{\"a\":1}||0.25"],
            await client.TextsAsync("SELECT id || '|' || title || '|' || coalesce(done, '') || '|' || rating FROM todos ORDER BY id"));
        Assert.Equal("{\"title\":\"{\\\"a\\\":1}\",\"rating\":0.25}", (await client.TextsAsync("SELECT data FROM tg_crud ORDER BY seq"))[1]);
    }

    [Fact]
    public async Task One_transaction_has_one_number_and_the_next_has_another()
    {
        var client = await OpenAsync();

        await client.TransactAsync(async transaction =>
        {
            await transaction.RunAsync("INSERT INTO todos(id) VALUES('t1')");
            await transaction.RunAsync("INSERT INTO todos(id) VALUES('t2')");
        });
        await client.RunAsync("INSERT INTO todos(id) VALUES('t3')");

        var numbers = await client.QueryAsync<long>("SELECT tx FROM tg_crud ORDER BY seq", cancellationToken: ClientCalls.Now);
        Assert.Equal(numbers[0], numbers[1]);
        Assert.True(numbers[2] > numbers[1]);
    }

    [Fact]
    public async Task Previous_values_are_kept_as_the_table_asks()
    {
        var client = await OpenAsync(new LocalSchema(
            Todos.Table with { Name = "everything", TrackPrevious = TrackPrevious.All },
            Todos.Table with { Name = "changes", TrackPrevious = TrackPrevious.Changed }));
        foreach (var table in (string[])["everything", "changes"])
        {
            await client.RunAsync($"INSERT INTO {table}(id, title, done) VALUES('r', 'a', 1)");
            await client.RunAsync($"UPDATE {table} SET title = 'b'");
            await client.RunAsync($"DELETE FROM {table}");
        }

        Assert.Equal(
            [
                "{\"title\":\"a\",\"done\":1,\"rating\":null}", "{\"title\":\"b\",\"done\":1,\"rating\":null}",
                "{\"title\":\"a\"}", "{\"title\":\"b\",\"done\":1,\"rating\":null}",
            ],
            await client.TextsAsync("SELECT old FROM tg_crud WHERE old IS NOT NULL ORDER BY seq"));
    }

    [Fact]
    public async Task Metadata_travels_with_writes_and_with_deletes()
    {
        var client = await OpenAsync(new LocalSchema(Todos.Table with { TrackMetadata = true }));

        await client.RunAsync("INSERT INTO todos(id, title, _metadata) VALUES('t1', 'Milk', 'by hand')");
        await client.RunAsync("UPDATE todos SET title = 'Eggs', _metadata = 'again'");
        await client.RunAsync("UPDATE todos SET _deleted = 1, _metadata = 'gone' WHERE id = 't1'");

        Assert.Equal(["PUT by hand", "PATCH again", "DELETE gone"], await client.TextsAsync("SELECT op || ' ' || metadata FROM tg_crud ORDER BY seq"));
        Assert.Equal("", await Todos.RowsAsync(client));
    }

    [Fact]
    public async Task Local_only_rows_are_not_queued_and_insert_only_rows_are_not_kept()
    {
        var client = await OpenAsync(new LocalSchema(
            Todos.Table with { Name = "drafts", Kind = TableKind.LocalOnly }, Todos.Table with { Name = "events", Kind = TableKind.InsertOnly }));

        await client.RunAsync("INSERT INTO drafts(id, title) VALUES(1, 'a')");
        await client.RunAsync("UPDATE drafts SET title = 'b'");
        Assert.Equal(1, await client.RunAsync("INSERT INTO events(id, title) VALUES('e1', 'clicked')"));

        Assert.Equal(["1=b"], await client.TextsAsync("SELECT id || '=' || title FROM drafts"));
        Assert.Empty(await client.TextsAsync("SELECT id FROM events"));
        Assert.Equal(["events"], await client.TextsAsync("SELECT type FROM tg_crud"));
        Assert.Equal(BlockedBy.Nothing, (await ReopenedStatusAsync(client)).BlockedBy);
        await Assert.ThrowsAsync<LocalStoreException>(() => client.RunAsync("DELETE FROM events"));
    }

    [Fact]
    public async Task A_changed_schema_shows_what_is_there_without_a_migration()
    {
        var client = await OpenAsync();
        await client.RunAsync("INSERT INTO tg_data__todos(id, data) VALUES('t1', '{\"title\":\"Milk\",\"owner\":\"u1\"}')");
        await client.DisposeAsync();

        var wider = await OpenAsync(new LocalSchema(
            new LocalTable("todos", LocalColumn.Text("title"), LocalColumn.Text("owner"))
            {
                ViewName = "tasks",
                Indexes = [new LocalIndex("owner", "owner", "title DESC")],
            }));

        Assert.Equal(["t1 u1"], await wider.TextsAsync("SELECT id || ' ' || owner FROM tasks WHERE owner = 'u1'"));
        Assert.Contains(
            "tg_data__todos__owner", string.Join(' ', await wider.QueryAsync("EXPLAIN QUERY PLAN SELECT * FROM tasks WHERE owner = 'u1'", row => row.GetText(3), cancellationToken: ClientCalls.Now)), StringComparison.Ordinal);
        Assert.Empty(await wider.TextsAsync("SELECT name FROM sqlite_master WHERE name = 'todos'"));
    }

    [Fact]
    public async Task Rows_of_a_table_that_leaves_the_schema_come_back_with_it()
    {
        var client = await OpenAsync();
        await client.RunAsync("INSERT INTO tg_data__todos(id, data) VALUES('t1', '{\"title\":\"Milk\"}')");
        await client.DisposeAsync();
        await (await OpenAsync(new LocalSchema())).DisposeAsync();

        var again = await OpenAsync();

        Assert.Equal("t1=Milk", await Todos.RowsAsync(again));
        Assert.Empty(await again.TextsAsync("SELECT id FROM tg_untyped"));
    }

    [Fact]
    public async Task Wide_tables_and_odd_names_work()
    {
        var columns = Enumerable.Range(0, 1500).Select(index => LocalColumn.Integer($"c{index}")).Append(LocalColumn.Text("a.b 'c' 😀"));
        var client = await OpenAsync(new LocalSchema(new LocalTable("wide table", [.. columns])));

        await client.RunAsync("INSERT INTO \"wide table\"(id, c0, c1499, \"a.b 'c' 😀\") VALUES('w', 1, 2, 'odd')");
        await client.RunAsync("UPDATE \"wide table\" SET c700 = 3, c0 = NULL, \"a.b 'c' 😀\" = 'odder'");

        Assert.Equal(
            ["{\"c0\":1,\"c1499\":2,\"a.b 'c' 😀\":\"odd\"}", "{\"c0\":null,\"c700\":3,\"a.b 'c' 😀\":\"odder\"}"],
            await client.TextsAsync("SELECT data FROM tg_crud ORDER BY seq"));
        Assert.Equal(["|3|2|odder"], await client.TextsAsync("SELECT coalesce(c0, '') || '|' || c700 || '|' || c1499 || '|' || \"a.b 'c' 😀\" FROM \"wide table\""));
    }

    [Fact]
    public void A_change_of_the_SQL_of_tables_raises_its_version()
    {
        LocalColumn[] columns = [LocalColumn.Text("a"), LocalColumn.Integer("b"), LocalColumn.Real("c")];
        var sql = new System.Text.StringBuilder();
        foreach (var kind in Enum.GetValues<TableKind>())
        {
            foreach (var previous in Enum.GetValues<TrackPrevious>())
            {
                var table = new LocalTable("t", columns)
                {
                    Kind = kind, TrackPrevious = previous, TrackMetadata = kind != TableKind.LocalOnly, QueueEmptyUpdates = previous == TrackPrevious.All, Indexes = [new LocalIndex("i", "a", "b DESC")],
                };
                sql.AppendLine(ViewSql.DataTable(SqlText.DataTable(table))).AppendLine(ViewSql.View(table)).AppendLine(ViewSql.Index(table, table.Indexes[0], SqlText.DataTable(table))).AppendJoin('\n', TriggerSql.For(table));
            }
        }

        var sum = Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(sql.ToString().ReplaceLineEndings("\n"))))[..16];

        Assert.Equal(
            (3, "3DB3260198B564AD"), (SchemaInstaller.SqlVersion, sum)); // another sum: raise SchemaInstaller.SqlVersion, then note both here
    }

    [Fact]
    public async Task Any_tool_that_writes_through_the_views_fills_the_queue()
    {
        var client = await OpenAsync();
        await client.DisposeAsync();
        using (var other = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={_folder.Database};Pooling=False"))
        {
            other.Open();
            using var command = other.CreateCommand();
            command.CommandText = "INSERT INTO todos(id, title) VALUES('t9', 'from outside')";
            command.ExecuteNonQuery();
        }

        var again = await OpenAsync();

        Assert.EndsWith("PUT todos/t9 {\"title\":\"from outside\"}", Assert.Single(await Todos.QueueAsync(again)), StringComparison.Ordinal);
        Assert.Equal(BlockedBy.PendingUploads, again.Status.BlockedBy);
    }

    [Theory]
    [InlineData("tg_mine", "title")]
    [InlineData("sqlite_x", "title")]
    [InlineData("todos", "id")]
    [InlineData("todos", "ID")]
    [InlineData("to\"dos", "title")]
    [InlineData("todos", "")]
    public void A_schema_with_a_forbidden_name_is_refused(string table, string column)
    {
        var failure = Assert.Throws<BucketsException>(() => new LocalSchema(new LocalTable(table, LocalColumn.Text(column))));

        Assert.Equal("TGB6002", failure.Code);
    }

    private async Task<BucketsClient> OpenAsync(LocalSchema? schema = null)
    {
        var client = await Todos.OpenAsync(_folder, schema);
        _clients.Add(client);
        return client;
    }

    private async Task<SyncStatus> ReopenedStatusAsync(BucketsClient client)
    {
        var schema = new LocalSchema(
            Todos.Table with { Name = "drafts", Kind = TableKind.LocalOnly }, Todos.Table with { Name = "events", Kind = TableKind.InsertOnly });
        var again = await OpenAsync(schema);
        Assert.NotSame(client, again);
        return again.Status;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
            await client.DisposeAsync();
        _folder.Dispose();
    }
}
