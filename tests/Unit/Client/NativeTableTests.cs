using System.Globalization;
using TopGun.Buckets.Client;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Protocol;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

public sealed class NativeTableTests : IAsyncDisposable
{
    private static readonly LocalTable Native = Todos.Table with { Storage = TableStorage.Native };
    private static readonly LocalSchema Schema = Todos.NativeSchema;

    private readonly ScratchFolder _folder = new();
    private readonly List<IAsyncDisposable> _open = [];

    [Fact]
    public async Task It_is_a_table_with_typed_columns()
    {
        var client = await OpenAsync(Schema);

        Assert.Equal(
            ["id TEXT", "title TEXT", "done INTEGER", "rating REAL", "_rest TEXT"], await client.TextsAsync("SELECT name || ' ' || type FROM pragma_table_info('todos')"));
        Assert.Equal(["table"], await client.TextsAsync("SELECT type FROM sqlite_master WHERE name = 'todos'"));
        Assert.Equal(1, await client.RunAsync("INSERT INTO todos(id, title, done, rating) VALUES('t1', 'a', '7', 2)"));
        Assert.Equal(["text integer real"], await client.TextsAsync("SELECT typeof(title) || ' ' || typeof(done) || ' ' || typeof(rating) FROM todos"));
        Assert.Equal(["2 PUT todos/t1 {\"title\":\"a\",\"done\":7,\"rating\":2.0}"], await Todos.QueueAsync(client));
    }

    [Fact]
    public async Task What_views_cannot_do_is_queued_as_what_it_is()
    {
        var client = await OpenAsync(Schema);
        await client.RunAsync("INSERT INTO todos(id, title, done) VALUES('t1', 'a', 0), ('t2', 'b', 0)");

        const string upsert = "INSERT INTO todos(id, title) VALUES(?, ?) ON CONFLICT(id) DO UPDATE SET title = excluded.title";
        Assert.Equal(1, await client.RunAsync(upsert, "t1", "A"));
        Assert.Equal(1, await client.RunAsync(upsert, "t3", "c"));
        Assert.Equal(["t2"], await client.WriteTransactionAsync(
            transaction => transaction.QueryAsync<string>("UPDATE todos SET done = 1 WHERE title = 'b' RETURNING id", cancellationToken: ClientCalls.Now), ClientCalls.Now));
        Assert.Equal(1, await client.RunAsync("INSERT OR REPLACE INTO todos(id, title) VALUES('t1', 'new')"));
        Assert.Equal(0, await client.RunAsync("INSERT OR IGNORE INTO todos(id, title) VALUES('t1', 'ignored')"));
        Assert.Equal(1, await client.RunAsync("UPDATE todos SET title = title WHERE id = 't1'"));

        Assert.Equal(
            [
                "PUT t1 {\"title\":\"a\",\"done\":0}", "PUT t2 {\"title\":\"b\",\"done\":0}", "PATCH t1 {\"title\":\"A\"}", "PUT t3 {\"title\":\"c\"}", "PATCH t2 {\"done\":1}",
                "PUT t1 {\"title\":\"new\"}",
            ],
            await client.TextsAsync("SELECT op || ' ' || id || ' ' || data FROM tg_crud ORDER BY seq"));
    }

    [Fact]
    public async Task Columns_of_the_apps_own_and_what_a_statement_returns_wake_queries_too()
    {
        var client = await OpenAsync(Schema);
        await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'a')");
        await client.RunAsync("ALTER TABLE todos ADD COLUMN scrolled INTEGER");
        var changes = new List<ChangeSet>();
        using var listening = (await client.LocalAsync()).Changes.Listen(changes.Add);

        await client.RunAsync("UPDATE todos SET scrolled = 5");
        Assert.Contains("scrolled", Assert.Single(changes).Find("todos")!.Columns!);
        Assert.Single(await Todos.QueueAsync(client));

        changes.Clear();
        await client.WriteTransactionAsync(
            transaction => transaction.QueryAsync<string>("UPDATE todos SET title = 'b' RETURNING id", cancellationToken: ClientCalls.Now), ClientCalls.Now);
        Assert.Equal(["t1"], Assert.Single(changes).Find("todos")!.Ids!);
        Assert.Equal(BlockedBy.PendingUploads, client.Status.BlockedBy);
        Assert.Equal(2, (await Todos.QueueAsync(client)).Count);
    }

    [Fact]
    public async Task A_row_that_is_deleted_and_inserted_again_is_not_taken_for_replaced()
    {
        var client = await OpenAsync(Schema);
        await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'a')");

        await client.TransactAsync(async transaction =>
        {
            await transaction.RunAsync("INSERT OR IGNORE INTO todos(id, title) VALUES('t1', 'ignored')");
            await transaction.RunAsync("DELETE FROM todos WHERE id = 't1'");
            await transaction.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'b')");
        });

        Assert.Equal(["PUT", "DELETE", "PUT"], await client.TextsAsync("SELECT op FROM tg_crud ORDER BY seq"));
    }

    [Fact]
    public async Task A_tool_that_fires_no_delete_triggers_for_replaced_rows_queues_the_same()
    {
        await using var bench = await ApplierBench.OpenAsync(_folder.Database, Schema, ApplierBench.Bulk);
        await bench.ApplyAsync(Lines.Checkpoint(1, null, ("b", 1, 3)), Lines.Data("b", Lines.Put(1, "todos", "t1", "{\"title\":\"a\",\"x\":1}", 1)), Lines.Complete(1));
        await bench.Local.OnWriterAsync(database =>
        {
            database.Run("PRAGMA recursive_triggers = OFF");
            return true;
        });

        await bench.WriteAsync("INSERT OR REPLACE INTO todos(id, title) VALUES('t1', 'b')");

        Assert.Equal("PUT {\"title\":\"b\"}", await bench.TextAsync("SELECT group_concat(op || ' ' || data) FROM tg_crud"));
        Assert.Equal("{\"x\":1,\"title\":\"a\"}", await bench.TextAsync("SELECT data FROM tg_op"));
    }

    [Theory]
    [InlineData("INSERT INTO todos(id, title) VALUES(NULL, 'x')", "NOT NULL")]
    [InlineData("INSERT INTO todos(id, title) VALUES(x'00', 'x')", "CHECK")]
    [InlineData("UPDATE todos SET id = 'other'", "id cannot change")]
    [InlineData("INSERT INTO todos(id, title) VALUES('t1', 'x')", "UNIQUE")]
    [InlineData("INSERT INTO todos(id, title) VALUES('t2', x'00')", "BLOB")]
    public async Task A_write_that_is_refused_leaves_nothing_behind(string sql, string reason)
    {
        var client = await OpenAsync(Schema);
        await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'Milk')");

        var failure = await Assert.ThrowsAsync<LocalStoreException>(() => client.RunAsync(sql));

        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
        Assert.Single(await Todos.QueueAsync(client));
        Assert.Equal("t1=Milk", await Todos.RowsAsync(client));
    }

    [Fact]
    public async Task Previous_values_and_metadata_go_with_the_entry_and_do_not_stay()
    {
        var client = await OpenAsync(new LocalSchema(Native with { TrackMetadata = true, TrackPrevious = TrackPrevious.Changed }));
        await client.RunAsync("INSERT INTO todos(id, title, done, _metadata) VALUES('t1', 'a', 0, 'made')");

        await client.RunAsync("UPDATE todos SET title = 'b', _metadata = 'changed'");
        await client.RunAsync("UPDATE todos SET _metadata = 'nothing'");
        Assert.Equal(["t1"], await client.TextsAsync("SELECT id FROM todos WHERE _metadata IS NULL AND _deleted IS NULL"));
        Assert.Equal(1, await client.RunAsync("UPDATE todos SET _deleted = 1, _metadata = 'gone' WHERE id = 't1'"));

        Assert.Equal(
            ["PUT||made", "PATCH|{\"title\":\"a\"}|changed", "DELETE|{\"title\":\"b\",\"done\":0,\"rating\":null}|gone"],
            await client.TextsAsync("SELECT op || '|' || coalesce(old, '') || '|' || metadata FROM tg_crud ORDER BY seq"));
        Assert.Equal("", await Todos.RowsAsync(client));
    }

    [Fact]
    public async Task Random_writes_are_queued_as_they_are_through_a_view()
    {
        foreach (var seed in Seeds.Of(15))
        {
            using var folder = new ScratchFolder();
            var views = new LocalSchema(Todos.Table with { TrackPrevious = TrackPrevious.All }, Todos.Table with { Name = "twins", TrackPrevious = TrackPrevious.All });
            await using var client = await Todos.OpenAsync(folder, new LocalSchema(views.Tables[0], views.Tables[1] with { Storage = TableStorage.Native }));
            var random = new Random(seed);
            for (var step = 0; step < 30; step++)
            {
                var sql = Statement(random);
                var counts = new List<int>();
                foreach (var table in (string[])["todos", "twins"])
                    counts.Add(await client.RunAsync(sql.Replace("#", table, StringComparison.Ordinal)));
                Assert.True(sql.StartsWith("UPDATE", StringComparison.Ordinal) || counts[0] == counts[1], $"Seed {seed}: {sql}: {counts[0]} or {counts[1]}.");
            }

            Assert.Equal(await QueueAsync("todos"), await QueueAsync("twins"));
            Assert.Equal(await RowsAsync("todos"), await RowsAsync("twins"));
            Assert.Equal(["1"], await client.TextsAsync("SELECT CAST(count(DISTINCT n) AS TEXT) FROM (SELECT count(*) n FROM tg_dirty GROUP BY type)"));

            Task<IReadOnlyList<string>> QueueAsync(string table) =>
                client.TextsAsync("SELECT op || id || coalesce(data, '') || coalesce(old, '') FROM tg_crud WHERE type = ? ORDER BY id, seq", table);

            Task<IReadOnlyList<string>> RowsAsync(string table) => client.TextsAsync($"SELECT json_array(id, title, done, rating) FROM {table} ORDER BY id");
        }
    }

    private static string Statement(Random random)
    {
        var id = $"'r{random.Next(4)}'";
        var title = random.Next(3) == 0 ? "NULL" : $"'t{random.Next(3)}'";
        return random.Next(7) switch
        {
            0 => $"INSERT OR IGNORE INTO #(id, title, done) VALUES({id}, {title}, {random.Next(2)})",
            1 => $"INSERT OR REPLACE INTO #(id, title, rating) VALUES({id}, {title}, {random.Next(10)}.25)",
            2 => $"INSERT OR REPLACE INTO #(id, title) SELECT id, 'copy' FROM # WHERE id <> {id}",
            3 => $"DELETE FROM # WHERE id = {id}",
            4 => $"UPDATE # SET title = {title}, done = {random.Next(2)} WHERE id >= {id}",
            _ => $"UPDATE # SET rating = {random.Next(3)}.5 WHERE id = {id}",
        };
    }

    [Theory]
    [InlineData("""{"id":"t1","title":"a","done":1,"rating":0.5}""", "a|1|0.5", null)]
    [InlineData("""{"title":null,"done":true,"rating":3}""", "-|1|3.0", null)]
    [InlineData("""{"rating":0.5,"done":1,"title":"é\n\"\u00e9"}""", "é\n\"é|1|0.5", null)]
    [InlineData("""{"title":{"a":[1,null]},"secret":{"b":null},"none":null}""", "{\"a\":[1,null]}|-|-", """{"secret":{"b":null},"none":null}""")]
    [InlineData("""{"title":12.50,"done":"007","rating":"1.50"}""", "12.5|7|1.5", """{"title":12.50,"done":"007","rating":"1.50"}""")]
    [InlineData("""{"done":3.7,"rating":0.12345678901234567}""", "-|3|0.123456789012346", """{"done":3.7,"rating":0.12345678901234567}""")]
    [InlineData("""{"done":9223372036854775807,"rating":-1e3}""", "-|9223372036854775807|-1000.0", """{"rating":-1e3}""")]
    [InlineData("""{"title":"first","title":"second"}""", "first|-|-", null)]
    [InlineData("""{"title":"half \ud800"}""", "half \\ud800|-|-", """{"title":"half \ud800"}""")]
    [InlineData("""{}""", "-|-|-", null)]
    public async Task A_row_of_the_service_shows_as_through_a_view_and_can_be_given_back(string json, string shown, string? rest)
    {
        const string columns = "SELECT coalesce(title, '-') || '|' || coalesce(done, '-') || '|' || coalesce(rating, '-') FROM todos";
        foreach (var bulk in (bool[])[false, true])
        {
            using var folder = new ScratchFolder();
            await using (var bench = await ApplierBench.OpenAsync(folder.Database, Schema, bulk ? ApplierBench.Bulk : null))
            {
                await bench.ApplyAsync(Lines.Checkpoint(1, null, ("b", 1, 3)), Lines.Data("b", Lines.Put(1, "todos", "t1", json, 1)), Lines.Complete(1));
                Assert.Equal(shown, await bench.TextAsync(columns));
                Assert.Equal(rest, await bench.TextAsync("SELECT _rest FROM todos"));
            }

            // As a view, as another view, and back, it is what it was.
            await using (var bench = await ApplierBench.OpenAsync(folder.Database, Todos.Schema))
            {
                if (!json.Contains("\\ud800", StringComparison.Ordinal))
                    Assert.Equal(shown, await bench.TextAsync(columns));
            }
            await using (var bench = await ApplierBench.OpenAsync(folder.Database, Schema))
            {
                Assert.Equal(shown, await bench.TextAsync(columns));
                Assert.Equal(rest, await bench.TextAsync("SELECT _rest FROM todos"));
            }
        }
    }

    [Fact]
    public async Task Columns_come_and_go_and_change_their_type_without_losing_a_value()
    {
        var bench = await BenchAsync(new LocalSchema(new LocalTable("todos", LocalColumn.Text("title"), LocalColumn.Integer("code")) { Storage = TableStorage.Native }));
        await bench.ApplyAsync(
            Lines.Checkpoint(2, null, ("b", 3, 3)),
            Lines.Data("b", Lines.Put(1, "todos", "t1", """{"title":"a","code":"007","owner":"u1"}""", 1), Lines.Put(2, "todos", "t2", """{"title":"b","code":8}""", 2)),
            Lines.Complete(2));
        await bench.WriteAsync("INSERT INTO todos(id, title, code) VALUES('t3', 'mine', 9)");
        await bench.WriteAsync(
            "CREATE INDEX of_the_app ON todos(title DESC)");
        await bench.WriteAsync("ALTER TABLE todos ADD COLUMN seen INTEGER");
        await bench.WriteAsync("UPDATE todos SET seen = 1");
        const string rows = "SELECT group_concat(id || ':' || coalesce(code, '') || ':' || coalesce(owner, '') || ':' || coalesce(seen, ''), ' ') FROM (SELECT * FROM todos ORDER BY id)";

        bench = await AgainAsync(bench, Table(LocalColumn.Text("owner"), LocalColumn.Text("code")));
        Assert.Equal("t1:007:u1:1 t2:8::1 t3:9::1", await bench.TextAsync(rows));
        Assert.Equal("text", await bench.TextAsync("SELECT typeof(code) FROM todos WHERE id = 't2'"));

        bench = await AgainAsync(bench, Table(LocalColumn.Text("owner")));
        Assert.Equal("id,title,owner,_rest,seen", await bench.TextAsync("SELECT group_concat(name) FROM (SELECT name FROM pragma_table_info('todos') ORDER BY name = 'seen', name = '_rest', name = 'owner', name = 'title')"));
        Assert.Equal("{\"title\":\"mine\",\"code\":9}", await bench.TextAsync("SELECT data FROM tg_crud"));

        bench = await AgainAsync(bench, Table(LocalColumn.Integer("code"), LocalColumn.Text("owner")));
        Assert.Equal("t1:7:u1:1 t2:8::1 t3:9::1", await bench.TextAsync(rows));
        Assert.Equal("of_the_app", await bench.TextAsync("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'todos' AND sql IS NOT NULL"));

        await bench.ApplyAsync(Lines.Checkpoint(3, null, ("b", 6, 3)), Lines.Data("b", Lines.Put(3, "todos", "t2", """{"title":"B","code":10}""", 3)), Lines.Complete(3));
        await AnsweredAsync(bench);
        await bench.ApplyAsync(Lines.Checkpoint(3, 1, ("b", 6, 3)), Lines.Complete(3));
        Assert.Equal("t1:7:u1:1 t2:10::1", await bench.TextAsync(rows));
        Assert.Equal("ok", await bench.TextAsync("PRAGMA integrity_check"));

        static LocalSchema Table(params LocalColumn[] more) => new(new LocalTable("todos", [LocalColumn.Text("title"), .. more]) { Storage = TableStorage.Native });
    }

    [Fact]
    public async Task A_column_that_something_of_the_apps_names_stays_empty_when_it_leaves_the_schema()
    {
        var bench = await BenchAsync(Schema);
        await bench.WriteAsync("INSERT INTO todos(id, title, done) VALUES('t1', 'a', 5)");
        await bench.WriteAsync("CREATE INDEX of_the_app ON todos(done)");

        bench = await AgainAsync(bench, new LocalSchema(new LocalTable("todos", LocalColumn.Text("title")) { Storage = TableStorage.Native }));
        Assert.Equal("{\"done\":5}", await bench.TextAsync("SELECT _rest FROM todos WHERE done IS NULL"));

        bench = await AgainAsync(bench, Schema);
        Assert.Equal("5", await bench.TextAsync("SELECT done FROM todos WHERE _rest = '{\"done\":5}' OR _rest IS NULL"));
    }

    [Fact]
    public async Task A_table_that_becomes_a_view_and_a_table_again_keeps_rows_writes_and_what_the_service_says()
    {
        var schemas = (LocalSchema[])[Todos.Schema, Schema, new LocalSchema(Native with { ViewName = "tasks" }), new LocalSchema(), Todos.Schema, Schema];
        var bench = await BenchAsync(schemas[0]);
        await bench.ApplyAsync(
            Lines.Checkpoint(2, null, ("b", 3, 3)),
            Lines.Data("b", Lines.Put(1, "todos", "t1", """{"title":"theirs","x":"y"}""", 1), Lines.Put(2, "todos", "t2", """{"title":"changed"}""", 2)),
            Lines.Complete(2));
        await bench.WriteAsync("UPDATE todos SET title = 'by me' WHERE id = 't2'");
        await bench.WriteAsync("INSERT INTO todos(id, title, rating) VALUES('t3', 'mine', 0.5)");
        foreach (var schema in schemas[1..])
            bench = await AgainAsync(bench, schema);

        Assert.Equal("t1=theirs t2=by me t3=mine", await bench.RowsAsync());
        Assert.Equal("{\"x\":\"y\"}", await bench.TextAsync("SELECT _rest FROM todos WHERE id = 't1'"));
        Assert.Equal("PATCH,PUT", await bench.TextAsync("SELECT group_concat(op) FROM (SELECT op FROM tg_crud ORDER BY seq)"));
        Assert.Equal("0", await bench.TextAsync("SELECT count(*) FROM tg_untyped"));

        // Both writes are refused: the rows are as the service has them.
        await AnsweredAsync(bench);
        await bench.ApplyAsync(Lines.Checkpoint(2, 1, ("b", 3, 3)), Lines.Complete(2));
        Assert.Equal("t1=theirs t2=changed", await bench.RowsAsync());
    }

    [Fact]
    public async Task A_local_only_table_keeps_its_rows_and_queues_nothing()
    {
        var view = new LocalTable("drafts", LocalColumn.Text("title")) { Kind = TableKind.LocalOnly };
        var client = await OpenAsync(new LocalSchema(view));
        await client.RunAsync("INSERT INTO drafts(id, title) VALUES('d1', 'a')");
        await client.DisposeAsync();

        client = await OpenAsync(new LocalSchema(view with { Storage = TableStorage.Native }));
        await client.RunAsync("INSERT INTO drafts(id, title) VALUES('d2', 'b') ON CONFLICT(id) DO NOTHING");
        await client.RunAsync("UPDATE drafts SET title = 'A' WHERE id = 'd1'");
        await client.DisposeAsync();

        client = await OpenAsync(new LocalSchema(view));
        Assert.Equal(["d1=A", "d2=b"], await client.TextsAsync("SELECT id || '=' || title FROM drafts ORDER BY id"));
        Assert.Empty(await Todos.QueueAsync(client));
    }

    [Fact]
    public async Task Clearing_empties_it_and_queues_nothing()
    {
        var client = await OpenAsync(Schema);
        await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'a')");

        await Assert.ThrowsAsync<BucketsException>(() => client.DisconnectAndClearAsync(cancellationToken: ClientCalls.Now));
        Assert.Equal("t1=a", await Todos.RowsAsync(client));
        await client.DisconnectAndClearAsync(discardPendingWrites: true, cancellationToken: ClientCalls.Now);

        Assert.Equal("", await Todos.RowsAsync(client));
        Assert.Empty(await Todos.QueueAsync(client));
        await client.RunAsync("DELETE FROM todos");
        await client.RunAsync("INSERT INTO todos(id, title) VALUES('t2', 'b')");
        Assert.Single(await Todos.QueueAsync(client));
    }

    [Fact]
    public async Task A_first_download_takes_its_place_at_once_unless_the_app_has_something_hanging_on_it()
    {
        var schema = new LocalSchema(
            new LocalTable("list", LocalColumn.Text("list_id"), LocalColumn.Text("list")) { Storage = TableStorage.Native, Indexes = [new LocalIndex("by_list", "list_id DESC")] });
        foreach (var hanging in (bool[])[false, true])
        {
            using var folder = new ScratchFolder();
            await using var bench = await ApplierBench.OpenAsync(folder.Database, schema, ApplierBench.Bulk);
            if (hanging)
            {
                await bench.WriteAsync("CREATE TABLE found(id TEXT)");
                await bench.WriteAsync("CREATE TRIGGER find AFTER INSERT ON list BEGIN INSERT INTO found VALUES(NEW.id); END");
            }
            const string page = "SELECT rootpage FROM sqlite_master WHERE name = 'list'";
            var before = await bench.TextAsync(page);

            await bench.ApplyAsync(
                Lines.Checkpoint(2, null, ("b", 3, 3)),
                Lines.Data("b", Lines.Put(1, "list", "l1", "{\"list_id\":\"x\",\"list\":\"a\"}", 1), Lines.Put(2, "list", "l2", "{\"list_id\":\"y\",\"z\":1}", 2)),
                Lines.Complete(2));

            Assert.Equal(!hanging, before != await bench.TextAsync(page));
            Assert.Equal("l2,l1", await bench.TextAsync("SELECT group_concat(id) FROM (SELECT id FROM list ORDER BY list_id DESC)"));
            Assert.Equal("{\"z\":1}", await bench.TextAsync("SELECT _rest FROM list WHERE list_id = 'y'"));
            if (hanging)
                Assert.Equal("2", await bench.TextAsync("SELECT count(*) FROM found"));
            await bench.WriteAsync("UPDATE list SET list = 'A' WHERE id = 'l1'");
            Assert.Equal("PATCH {\"list\":\"A\"}", await bench.TextAsync("SELECT op || ' ' || data FROM tg_crud"));
            Assert.Equal("{\"list_id\":\"x\",\"list\":\"a\"}", await bench.TextAsync("SELECT data FROM tg_op WHERE row_id = 'l1'"));
            Assert.Equal("ok", await bench.TextAsync("PRAGMA integrity_check"));
        }
    }

    [Fact]
    public async Task A_row_that_a_constraint_of_the_apps_refuses_is_named()
    {
        var bench = await BenchAsync(Schema);
        await bench.WriteAsync("CREATE UNIQUE INDEX of_the_app ON todos(title)");

        var failure = await Assert.ThrowsAsync<LocalStoreException>(() => bench.ApplyAsync(
            Lines.Checkpoint(2, null, ("b", 3, 3)),
            Lines.Data("b", Lines.Put(1, "todos", "t1", "{\"title\":\"same\"}", 1), Lines.Put(2, "todos", "t2", "{\"title\":\"same\"}", 2)),
            Lines.Complete(2)));

        Assert.Contains("'t2'", failure.Message, StringComparison.Ordinal);
        Assert.Contains("todos.title", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(TableKind.InsertOnly, "title", "insert-only")]
    [InlineData(TableKind.Synced, "_REST", "_REST")]
    public void Schemas_that_make_no_sense_are_refused(TableKind kind, string column, string reason)
    {
        var failure = Assert.Throws<BucketsException>(() =>
            new LocalSchema(new LocalTable("t", LocalColumn.Text(column)) { Kind = kind, Storage = TableStorage.Native }));

        Assert.Equal("TGB6002", failure.Code);
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Metadata_of_what_is_never_uploaded_makes_no_sense() => Assert.Contains(
        "local-only",
        Assert.Throws<BucketsException>(() => new LocalSchema(Native with { Kind = TableKind.LocalOnly, TrackMetadata = true })).Message,
        StringComparison.Ordinal);

    [Fact]
    public async Task Wide_tables_and_odd_names_work()
    {
        var columns = new List<LocalColumn> { LocalColumn.Text("it's"), LocalColumn.Integer("a.b"), LocalColumn.Text("naïve 🦄"), LocalColumn.Text("order") };
        while (columns.Count < 1996)
            columns.Add(LocalColumn.Text(string.Create(CultureInfo.InvariantCulture, $"c{columns.Count}")));
        var table = new LocalTable("wide (table", [.. columns]) { Storage = TableStorage.Native, Indexes = [new LocalIndex("odd", "it's", "a.b DESC")] };
        await using var bench = await ApplierBench.OpenAsync(_folder.Database, new LocalSchema(table), ApplierBench.Bulk);

        await bench.ApplyAsync(
            Lines.Checkpoint(1, null, ("b", 1, 3)),
            Lines.Data("b", Lines.Put(1, table.Name, "w1", """{"it's":"x","a.b":"5","naïve 🦄":"y","c1995":"last","q\"r":1}""", 1)), Lines.Complete(1));
        await bench.WriteAsync("UPDATE \"wide (table\" SET \"a.b\" = 6, c1994 = 'z' WHERE \"it's\" = 'x'");

        Assert.Equal("{\"a.b\":6,\"c1994\":\"z\"}", await bench.TextAsync("SELECT data FROM tg_crud"));
        Assert.Equal("{\"q\\\"r\":1}", await bench.TextAsync("SELECT _rest FROM \"wide (table\""));
        Assert.Equal(
            "{\"a.b\":\"5\",\"q\\\"r\":1,\"it's\":\"x\",\"naïve 🦄\":\"y\",\"c1995\":\"last\"}", await bench.TextAsync("SELECT data FROM tg_op"));
    }

    [Fact]
    public async Task A_write_that_is_sent_again_shows_and_goes_back_when_it_is_refused()
    {
        foreach (var table in (LocalTable[])[Todos.Table, Native])
        {
            using var folder = new ScratchFolder();
            await using var bench = await ApplierBench.OpenAsync(folder.Database, new LocalSchema(table));
            await bench.ApplyAsync(
                Lines.Checkpoint(2, null, ("b", 3, 3)),
                Lines.Data("b", Lines.Put(1, "todos", "t1", "{\"title\":\"a\",\"x\":1}", 1), Lines.Put(2, "todos", "t2", "{\"title\":\"b\"}", 2)), Lines.Complete(2));
            await bench.WriteAsync("UPDATE todos SET title = 'mine' WHERE id = 't1'");
            await bench.InWriteAsync(database =>
            {
                database.RunScript("INSERT INTO tg_crud(tx, op, type, id, at) SELECT tx, 'DELETE', type, 't2', at FROM tg_crud; UPDATE tg_crud SET state = 2;");
                return true;
            });
            await AnsweredAsync(bench, keepQueue: true);
            await bench.ApplyAsync(Lines.Diff(3, 1, [("b", 3, 3)]), Lines.Complete(3));
            Assert.Equal("t1=a t2=b", await bench.RowsAsync());

            await bench.InWriteAsync(database =>
            {
                bench.Local.BeginTransaction(database);
                var parked = database.Prepare("SELECT tx FROM tg_crud WHERE state = 2").RunInt64()!.Value;
                Assert.True(TopGun.Buckets.Client.Upload.ParkedWrites.Replay(database, new LocalSchema(table), "client", parked).Contains(SqlText.DataTable(table)));
                LocalDatabase.EndTransaction(database);
                return true;
            });
            Assert.Equal("t1=mine", await bench.RowsAsync());
            Assert.Equal("PATCH,DELETE", await bench.TextAsync("SELECT group_concat(op) FROM (SELECT op FROM tg_crud ORDER BY seq)"));

            await AnsweredAsync(bench);
            await bench.ApplyAsync(Lines.Diff(4, 2, [("b", 3, 3)]), Lines.Complete(4));
            Assert.Equal("t1=a t2=b", await bench.RowsAsync());
        }
    }

    private async Task<BucketsClient> OpenAsync(LocalSchema schema)
    {
        var client = await Todos.OpenAsync(_folder, schema);
        _open.Add(client);
        return client;
    }

    private async Task<ApplierBench> BenchAsync(LocalSchema schema)
    {
        var bench = await ApplierBench.OpenAsync(_folder.Database, schema);
        _open.Add(bench);
        return bench;
    }

    /// <summary>The app's next version opens the file.</summary>
    private async Task<ApplierBench> AgainAsync(ApplierBench before, LocalSchema schema)
    {
        await before.DisposeAsync();
        return await BenchAsync(schema);
    }

    /// <summary>The backend has answered every upload; only its write checkpoint is still to come.</summary>
    private static Task AnsweredAsync(ApplierBench bench, bool keepQueue = false) => bench.InWriteAsync(database =>
    {
        if (!keepQueue)
            database.Run("DELETE FROM tg_crud");
        database.Run("UPDATE tg_meta SET value = 1 WHERE key = 'gate_target'");
        return true;
    });

    public async ValueTask DisposeAsync()
    {
        foreach (var open in _open)
            await open.DisposeAsync();
        _folder.Dispose();
    }
}
