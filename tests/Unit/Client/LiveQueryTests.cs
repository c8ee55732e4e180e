using SQLitePCL;
using TopGun.Buckets.Client;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Queries.Live;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

public sealed class LiveQueryTests : IAsyncDisposable
{
    private static readonly LocalSchema Schema = new(
        Todos.Table with { Indexes = [new LocalIndex("by_title", "title")] },
        new LocalTable("lists", LocalColumn.Text("name")) { ViewName = "my_lists", TrackMetadata = true },
        new LocalTable("drafts", LocalColumn.Text("title")) { Kind = TableKind.LocalOnly });

    private static readonly LocalSchema NativeSchema = new([.. Schema.Tables.Select(table => table with { Storage = TableStorage.Native, })]);

    private readonly ScratchFolder _folder = new();
    private readonly ScriptedService _service = new();
    private readonly List<ChangeSet> _changes = [];
    private BucketsClient? _client;

    private sealed record Todo(string Id, string? Title);

    [Theory]
    [InlineData("SELECT title FROM todos", "UPDATE todos SET title = 'x'", true)]
    [InlineData("SELECT title FROM todos", "UPDATE todos SET done = 5", false)]
    [InlineData("SELECT title FROM todos", "UPDATE todos SET done = 5, title = 'x'", true)]
    [InlineData("SELECT title FROM todos", "UPDATE todos SET title = title", false)] // nothing changes
    [InlineData("SELECT title FROM todos ORDER BY done", "UPDATE todos SET done = 5", true)]
    [InlineData("SELECT count(*) FROM todos", "UPDATE todos SET title = 'x'", false)]
    [InlineData("SELECT count(*) FROM todos", "DELETE FROM todos WHERE id = 't2'", true)]
    [InlineData("SELECT count(*) FROM todos", "INSERT INTO todos(id) VALUES('new')", true)]
    [InlineData("SELECT count(*) FROM todos WHERE title > ''", "UPDATE todos SET title = 'x'", true)]
    [InlineData("SELECT count(*) FROM todos", "INSERT INTO my_lists(id) VALUES('new')", false)]
    [InlineData("SELECT * FROM todos WHERE title IN (SELECT name FROM my_lists)", "UPDATE my_lists SET name = 'x'", true)]
    [InlineData("SELECT * FROM my_lists", "UPDATE my_lists SET _deleted = 1, _metadata = 'm'", true)]
    [InlineData("SELECT title FROM drafts", "UPDATE drafts SET title = 'x'", true)]
    [InlineData("SELECT data FROM tg_data__todos", "UPDATE todos SET done = 5", true)]
    [InlineData("SELECT count(*) FROM tg_crud", "UPDATE todos SET done = 5", true)]
    [InlineData("SELECT title FROM todos WHERE id = 't1'", "UPDATE todos SET title = 'x' WHERE id = 't1'", true)]
    [InlineData("SELECT title FROM todos WHERE id = 't1'", "UPDATE todos SET title = 'x' WHERE id = 't2'", false)]
    [InlineData("SELECT title FROM todos WHERE id = 't1'", "DELETE FROM todos WHERE id = 't2'", false)]
    [InlineData("SELECT title FROM todos WHERE id = 'new'", "INSERT INTO todos(id) VALUES('new')", true)]
    [InlineData("SELECT t.title FROM todos AS t WHERE t.done = 0 AND t.id IN ('t1', 't3')", "UPDATE todos SET title = 'x' WHERE id = 't2'", false)]
    [InlineData("SELECT t.title FROM todos AS t WHERE t.done = 0 AND t.id IN ('t1', 't3')", "UPDATE todos SET title = 'x' WHERE id = 't3'", true)]
    [InlineData("SELECT title FROM todos WHERE id = 't1' OR title = 'x'", "UPDATE todos SET title = 'x' WHERE id = 't2'", true)]
    [InlineData("SELECT title FROM todos WHERE id = 't1' || ''", "UPDATE todos SET title = 'x' WHERE id = 't2'", true)]
    [InlineData("SELECT title FROM todos WHERE id = lower('T2')", "UPDATE todos SET title = 'x' WHERE id = 't2'", true)]
    [InlineData("SELECT title FROM todos WHERE id > 't1'", "UPDATE todos SET title = 'x' WHERE id = 't2'", true)]
    [InlineData("SELECT title FROM todos WHERE 't2' = id", "UPDATE todos SET title = 'x' WHERE id = 't2'", true)]
    [InlineData("SELECT title FROM todos WHERE id IN (SELECT id FROM my_lists)", "UPDATE todos SET title = 'x' WHERE id = 't2'", true)]
    [InlineData("SELECT title FROM drafts WHERE id = 'd1'", "UPDATE drafts SET title = 'x' WHERE id = 'd2'", true)] // nobody keeps the ids
    public async Task A_query_wakes_for_what_it_reads(string query, string write, bool wakes)
    {
        foreach (var schema in SchemasFor(query))
        {
            var client = await FilledAsync(schema);
            await client.RunAsync("INSERT INTO drafts(id, title) VALUES('d1', 'a'), ('d2', 'b')");
            var dependencies = await DependenciesAsync(client, query, schema: schema);

            _changes.Clear();
            await client.RunAsync(write);

            Assert.Equal(wakes, _changes.Any(dependencies.AreAffectedBy));
        }
    }

    [Fact]
    public async Task Ids_given_as_parameters_pin_a_query_to_their_rows()
    {
        var client = await FilledAsync();
        var byPosition = await DependenciesAsync(client, "SELECT title FROM todos WHERE done = ? AND id = ? LIMIT ?", [0, "t2", 1]);
        var byName = await DependenciesAsync(client, "SELECT title FROM todos WHERE id IN (@a, @b)", ["t2", "t3"]);
        var byNumber = await DependenciesAsync(client, "SELECT title FROM todos WHERE id = 7 AND done = ?", [0]);

        _changes.Clear();
        await client.RunAsync("UPDATE todos SET title = 'x' WHERE id = 't1'");

        var changes = Assert.Single(_changes);
        Assert.False(byPosition.AreAffectedBy(changes));
        Assert.False(byName.AreAffectedBy(changes));
        Assert.True(byNumber.AreAffectedBy(changes));
        await client.RunAsync("UPDATE todos SET title = 'x' WHERE id = 't2'");
        Assert.True(byPosition.AreAffectedBy(_changes[1]));
        Assert.True(byName.AreAffectedBy(_changes[1]));
    }

    [Fact]
    public async Task A_download_wakes_only_the_queries_of_its_rows()
    {
        var client = await FilledAsync();
        await client.RunAsync("DELETE FROM tg_crud"); // nothing waits for upload
        await client.RunAsync("UPDATE tg_meta SET value = NULL WHERE key LIKE 'gate%'");
        var pinned = await DependenciesAsync(client, "SELECT title FROM todos WHERE id = 't1'");
        var open = await DependenciesAsync(client, "SELECT title FROM todos");
        await client.ConnectAsync(ClientCalls.Now);
        var stream = await _service.NextStreamAsync();
        await stream.SendAsync(Lines.Checkpoint(1, null, ("b", 1, 3)), Lines.Data("b", Lines.Put(1, "todos", "t1", "{}", 1)), Lines.Complete(1));
        await client.SyncedAsync();
        var told = new TaskCompletionSource<ChangeSet>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var listening = (await client.LocalAsync()).Changes.Listen(changes => told.TrySetResult(changes));

        await stream.SendAsync(Lines.Diff(2, null, [("b", 3, 3)]), Lines.Data("b", Lines.Put(2, "todos", "t2", "{\"title\":\"x\"}", 2)), Lines.Complete(2));

        var changes = await told.Task.WaitAsync(Patience.Limit, ClientCalls.Now);
        Assert.False(pinned.AreAffectedBy(changes));
        Assert.True(open.AreAffectedBy(changes));
    }

    [Fact]
    public async Task Random_writes_never_change_a_result_without_waking_its_query_and_the_steps_lead_to_it()
    {
        foreach (var seed in Seeds.Of(15))
            await RunRandomlyAsync(seed);
    }

    [Fact]
    public async Task A_result_that_stays_the_same_is_not_told_and_its_rows_keep_their_objects()
    {
        var client = await FilledAsync();
        await using var results = client.WatchChanges<Todo>("SELECT id, title FROM todos ORDER BY title", cancellationToken: ClientCalls.Now)
            .GetAsyncEnumerator(ClientCalls.Now);
        var first = await NextAsync(results);
        Assert.Equal(ListChangeKind.Reset, Assert.Single(first.Changes).Kind);

        await client.RunAsync("UPDATE todos SET title = 'a' WHERE id = 't1'"); // as it is already
        await client.TransactAsync(async transaction =>
        {
            await transaction.RunAsync("UPDATE todos SET title = 'zzz' WHERE id = 't2'");
            await transaction.RunAsync("UPDATE todos SET title = 'b' WHERE id = 't2'"); // and back
        });
        await client.RunAsync("UPDATE todos SET title = 'c2' WHERE id = 't3'");
        var second = await NextAsync(results);

        Assert.Equal([new Todo("t1", "a"), new Todo("t2", "b"), new Todo("t3", "c2")], second.Rows);
        Assert.Same(first.Rows[0], second.Rows[0]);
        Assert.Same(first.Rows[1], second.Rows[1]);
        Assert.Equal([new ListChange<Todo>(ListChangeKind.Replaced, 2, 2, new("t3", "c2"), new("t3", "c"))], second.Changes);

        await client.RunAsync("UPDATE todos SET title = 'z' WHERE id = 't1'");
        Assert.Equal([ListChangeKind.Moved, ListChangeKind.Replaced], (await NextAsync(results)).Changes.Select(change => change.Kind));
    }

    [Theory]
    [InlineData("SELECT id, title FROM todos ORDER BY id", true)]
    [InlineData("SELECT * FROM todos AS t WHERE (title = 'x' OR length(title) < 9) ORDER BY done DESC, id; ", true)]
    [InlineData("SELECT t.id, done FROM todos t -- all of them", true)]
    [InlineData("SELECT \"id\", title FROM \"todos\" WHERE done IN (1, 2) ORDER BY title COLLATE NOCASE DESC, 1 ASC", true)]
    [InlineData("SELECT id, title FROM todos ORDER BY lower(title)", false)]
    [InlineData("SELECT id, title FROM todos t ORDER BY t.title", false)]
    [InlineData("SELECT title, id FROM todos ORDER BY id", false)]
    [InlineData("SELECT title AS id FROM todos", false)]
    [InlineData("SELECT id || 'x' AS id FROM todos", false)]
    [InlineData("SELECT id, title FROM todos ORDER BY id LIMIT 9", false)]
    [InlineData("SELECT DISTINCT id FROM todos", false)]
    [InlineData("SELECT id FROM todos UNION SELECT id FROM my_lists", false)]
    [InlineData("SELECT id, (SELECT count(*) FROM todos) FROM todos ORDER BY id", false)]
    [InlineData("SELECT a.id, b.title FROM todos a, todos b WHERE a.id = b.id ORDER BY 1", false)]
    [InlineData("SELECT id, max(title) FROM todos", false)]
    [InlineData("SELECT id, random() FROM todos", false)]
    [InlineData("SELECT id FROM todos WHERE title < CURRENT_DATE", false)]
    [InlineData("SELECT id, title FROM tg_data__todos", false)]
    [InlineData("SELECT id FROM todos; -- all", false)]
    public async Task A_query_is_read_by_rows_only_where_each_of_them_stands_for_one_row_of_a_table(string sql, bool isRowwise)
    {
        foreach (var schema in SchemasFor(sql))
        {
            var client = await FilledAsync(schema);
            var found = await (await client.LocalAsync()).ReadAsync(
                database =>
                {
                    try
                    {
                        return RowwiseQuery.Find(sql, database.Prepare(sql), schema);
                    }
                    catch (LocalStoreException)
                    {
                        return null; // not SQL at all
                    }
                },
                ClientCalls.Now);

            Assert.Equal(isRowwise, found is not null);
        }
    }

    [Fact]
    public async Task After_a_change_of_one_row_only_that_row_is_looked_at()
    {
        var client = await FilledAsync();
        await client.RunAsync("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000) INSERT INTO todos(id, title) SELECT 'n' || x, 'n' FROM n");
        var local = await client.LocalAsync();
        var query = new LiveQuery<string>("SELECT id, title FROM todos WHERE done IS NULL ORDER BY id", parameters: null, _ => row => row.Text(0)!, Schema);
        using var listening = local.Changes.Listen(changes => query.Note(changes));
        var whole = await WorkAsync();

        await client.RunAsync("UPDATE todos SET title = 'x' WHERE id = 'n77'");

        Assert.True(await WorkAsync() < whole / 100);
        Assert.Equal(ListChangeKind.Replaced, Assert.Single(query.Changes()).Kind);

        // Instructions of SQLite's machine, by the hundred.
        Task<int> WorkAsync() => local.ReadChangesAsync(
            query.TakeChangedRows,
            (database, changed) =>
            {
                var work = 0;
                delegate_progress count = _ =>
                {
                    work++;
                    return 0;
                };
                raw.sqlite3_progress_handler(database.Handle, 100, count, null);
                query.Run(database, changed);
                raw.sqlite3_progress_handler(database.Handle, 0, null, null);
                GC.KeepAlive(count);
                return work;
            },
            ClientCalls.Now);
    }

    [Fact]
    public async Task After_a_change_of_one_row_a_long_result_costs_no_memory_by_its_length()
    {
        var client = await FilledAsync();
        await client.RunAsync("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 10000) INSERT INTO todos(id, title) SELECT 'n' || x, 'n' FROM n");
        var local = await client.LocalAsync();
        var query = new LiveQuery<string>("SELECT id, title FROM todos ORDER BY id", parameters: null, _ => row => row.Text(0)!, Schema);
        using var listening = local.Changes.Listen(changes => query.Note(changes));
        var allocated = 0L;
        for (var change = 0; change < 3; change++) // the first reads all, the second compiles what the third runs
        {
            await local.ReadChangesAsync(
                query.TakeChangedRows,
                (database, changed) =>
                {
                    var before = GC.GetAllocatedBytesForCurrentThread();
                    query.Run(database, changed);
                    query.Changes();
                    return allocated = GC.GetAllocatedBytesForCurrentThread() - before;
                },
                ClientCalls.Now);
            await client.RunAsync("UPDATE todos SET title = title || 'x' WHERE id = 'n77'");
        }

        Assert.True(allocated < 10_000, $"{allocated} bytes were allocated, one for each of the rows.");
    }

    [Fact]
    public async Task A_query_follows_a_change_of_the_schema()
    {
        var client = await FilledAsync();
        await client.RunAsync("CREATE VIEW short AS SELECT id FROM todos WHERE id < 't2'");
        await using var results = client.Watch<string>("SELECT id FROM short", cancellationToken: ClientCalls.Now).GetAsyncEnumerator(ClientCalls.Now);
        Assert.Equal(["t1"], await NextAsync(results));

        await client.TransactAsync(async transaction =>
        {
            await transaction.RunAsync("DROP VIEW short");
            await transaction.RunAsync("CREATE VIEW short AS SELECT id FROM my_lists");
        });
        Assert.Equal(["l1"], await NextAsync(results));

        await client.RunAsync("INSERT INTO my_lists(id) VALUES('l2')");
        Assert.Equal(["l1", "l2"], await NextAsync(results));
    }

    [Fact]
    public async Task An_observer_gets_results_until_it_unsubscribes_and_failures_as_errors()
    {
        var client = await FilledAsync();
        var seen = new Observer<IReadOnlyList<string>>();

        using (client.Observe<string>("SELECT title FROM todos WHERE id = 't1'").Subscribe(seen))
        {
            Assert.Equal(["a"], await seen.NextAsync());
            await client.RunAsync("UPDATE todos SET title = 'x'");
            Assert.Equal(["x"], await seen.NextAsync());
        }
        var failing = new Observer<IReadOnlyList<string>>();
        using var failed = client.Observe<string>("SELECT nothing FROM nowhere").Subscribe(failing);
        await Assert.ThrowsAsync<LocalStoreException>(() => failing.Completed.WaitAsync(Patience.Limit, ClientCalls.Now));
        var ending = new Observer<IReadOnlyList<string>>();
        using var ended = client.Observe<string>("SELECT 'one'").Subscribe(ending);
        Assert.Equal(["one"], await ending.NextAsync());
        await client.DisposeAsync();
        await ending.Completed.WaitAsync(Patience.Limit, ClientCalls.Now);
    }

    private static async Task RunRandomlyAsync(int seed)
    {
        using var folder = new ScratchFolder();
        var random = new Random(seed);
        var schema = seed % 3 == 0 ? NativeSchema : Schema;
        await using var client = await BucketsClient.OpenAsync(Todos.Options(folder, schema), ClientCalls.Now);
        var local = await client.LocalAsync();
        var changes = new List<ChangeSet>();
        using var listening = local.Changes.Listen(changes.Add);
        var queries = new List<Followed>();
        foreach (var sql in (string[])[
            "SELECT id, title FROM todos ORDER BY done, id", "SELECT title FROM todos", "SELECT count(*) FROM todos", "SELECT id, done FROM todos WHERE id = 't3'",
            "SELECT id, title FROM todos WHERE id IN ('t1', 't2') ORDER BY title", "SELECT t.id, l.name FROM todos t JOIN my_lists l ON l.id = t.title ORDER BY 2, 1",
            "SELECT max(title) FROM todos WHERE done > 1", "SELECT id, name FROM my_lists ORDER BY name", "SELECT count(*) FROM todos WHERE done = 1",
            "SELECT 1 FROM my_lists WHERE EXISTS (SELECT 1 FROM todos WHERE title = 'l1')", "SELECT title FROM drafts ORDER BY title",
            "SELECT done, count(*) FROM todos GROUP BY done ORDER BY 2 DESC, 1", "SELECT * FROM todos WHERE done < 2 ORDER BY title DESC, id", "SELECT t.id, upper(title) AS name FROM todos t WHERE t.title IN ('l1', 'l2') ORDER BY name, 1;"])
        {
            queries.Add(new Followed(sql, schema));
            await queries[^1].RunAsync(local);
        }

        for (var step = 0; step < 60; step++)
        {
            changes.Clear();
            await client.TransactAsync(async transaction =>
            {
                for (var write = random.Next(1, 4); write > 0; write--)
                    await transaction.RunAsync(RandomWrite(random));
            });
            foreach (var query in queries)
            {
                var woken = changes.Any(query.IsAffectedBy);
                if (await query.RunAsync(local))
                    Assert.True(woken, $"Seed {seed}, step {step}: '{query.Sql}' has another result and was not woken.");
                Assert.True(
                    await query.ReadsTheSameByRowsAsync(local, changes),
                    $"Seed {seed}, step {step}: '{query.Sql}' gives another result when only the changed rows are read.");
                Assert.True(
                    query.Mirror.SequenceEqual(query.Rows),
                    $"Seed {seed}, step {step}: the steps of '{query.Sql}' lead to {string.Join(',', query.Mirror)}, not {string.Join(',', query.Rows)}.");
            }
        }
    }

    private static string RandomWrite(Random random)
    {
        var id = random.Next(6);
        return random.Next(9) switch
        {
            0 or 1 => $"INSERT OR REPLACE INTO todos(id, title, done) VALUES('t{id}', 'l{random.Next(4)}', {random.Next(3)})",
            2 => $"INSERT OR IGNORE INTO todos(id, title) VALUES('t{id}', 'l{random.Next(4)}')",
            3 => $"UPDATE todos SET title = 'l{random.Next(4)}' WHERE id = 't{id}'",
            4 => $"UPDATE todos SET done = {random.Next(3)} WHERE id > 't{id}'",
            5 => $"DELETE FROM todos WHERE id = 't{id}'",
            6 => $"INSERT OR REPLACE INTO my_lists(id, name) VALUES('l{random.Next(4)}', 'name {random.Next(3)}')",
            7 => $"UPDATE my_lists SET _deleted = {random.Next(2)} WHERE id = 'l{random.Next(4)}'",
            _ => $"INSERT OR REPLACE INTO drafts(id, title) VALUES('d{id}', 'd{random.Next(9)}')",
        };
    }

    private static async Task<T> NextAsync<T>(IAsyncEnumerator<T> results)
    {
        Assert.True(await results.MoveNextAsync().AsTask().WaitAsync(Patience.Limit, ClientCalls.Now));
        return results.Current;
    }

    private static async Task<QueryDependencies> DependenciesAsync(
        BucketsClient client, string sql, object?[]? parameters = null, LocalSchema? schema = null) =>
        await (await client.LocalAsync()).ReadAsync(database => QueryDependencies.Of(database, sql, parameters, schema ?? Schema), ClientCalls.Now);

    /// <summary>With views and with native tables; the tables behind views are there with views only.</summary>
    private static IEnumerable<LocalSchema> SchemasFor(string sql) => sql.Contains("tg_data__", StringComparison.Ordinal) ? [Schema] : [Schema, NativeSchema];

    private async Task<BucketsClient> FilledAsync(LocalSchema? schema = null)
    {
        if (_client is not null)
            await _client.DisposeAsync();
        var options = Todos.Options(_folder, schema ?? Schema);
        _client = await BucketsClient.OpenAsync(
            options with { Transport = _service, DatabasePath = schema == NativeSchema ? options.DatabasePath + "-native" : options.DatabasePath }, ClientCalls.Now);
        await _client.RunAsync("INSERT INTO todos(id, title, done) VALUES('t1', 'a', 0), ('t2', 'b', 0), ('t3', 'c', 0)");
        await _client.RunAsync("INSERT INTO my_lists(id, name) VALUES('l1', 'a')");
        (await _client.LocalAsync()).Changes.Listen(_changes.Add);
        return _client;
    }

    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
            await _client.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>A live query and a list that is kept by its steps alone.</summary>
    private sealed class Followed(string sql, LocalSchema schema)
    {
        private readonly LiveQuery<string> _query = new(sql, parameters: null, RowAsText, schema);
        private readonly LiveQuery<string> _byRows = new(sql, parameters: null, RowAsText, schema);
        private readonly List<string> _mirrorByRows = [];

        public string Sql => sql;

        public List<string> Mirror { get; } = [];

        public IReadOnlyList<string> Rows => _query.Rows();

        public bool IsAffectedBy(ChangeSet changes) => _query.IsAffectedBy(changes);

        public async Task<bool> RunAsync(LocalDatabase local)
        {
            if (!await local.ReadAsync(_query.Run, ClientCalls.Now))
                return false;
            foreach (var change in _query.Changes())
                Mirrors.Apply(Mirror, change, _query.Rows());
            return true;
        }

        /// <summary>Whether a second run, which reads only what has changed where it can, comes to the same rows by the same steps.</summary>
        public async Task<bool> ReadsTheSameByRowsAsync(LocalDatabase local, IReadOnlyList<ChangeSet> changes)
        {
            foreach (var change in changes)
                _byRows.Note(change);
            if (await local.ReadChangesAsync(_byRows.TakeChangedRows, _byRows.Run, ClientCalls.Now))
            {
                foreach (var step in _byRows.Changes())
                    Mirrors.Apply(_mirrorByRows, step, _byRows.Rows());
            }
            if (!_mirrorByRows.SequenceEqual(_byRows.Rows()))
                return false;
            if (!sql.EndsWith("ORDER BY name", StringComparison.Ordinal) && !sql.EndsWith("ORDER BY title", StringComparison.Ordinal))
                return _mirrorByRows.SequenceEqual(Rows);
            // Rows that are sorted by equal values have no order that SQL promises: here a changed row keeps its place among them.
            return _mirrorByRows.Order(StringComparer.Ordinal).SequenceEqual(Rows.Order(StringComparer.Ordinal)) && _mirrorByRows.Select(SortedBy).SequenceEqual(Rows.Select(SortedBy));
        }

        private static string SortedBy(string row) => row[(row.IndexOf('|', StringComparison.Ordinal) + 1)..];

        private static Func<Statement, string> RowAsText(Statement _) => static statement =>
            string.Join('|', Enumerable.Range(0, statement.ColumnCount).Select(statement.Text));
    }

    private sealed class Observer<T> : IObserver<T>
    {
        private readonly System.Threading.Channels.Channel<T> _seen = System.Threading.Channels.Channel.CreateUnbounded<T>();

        public Task Completed => _seen.Reader.Completion;

        public Task<T> NextAsync() => _seen.Reader.ReadAsync(ClientCalls.Now).AsTask().WaitAsync(Patience.Limit, ClientCalls.Now);

        public void OnCompleted() => _seen.Writer.TryComplete();

        public void OnError(Exception error) => _seen.Writer.TryComplete(error);

        public void OnNext(T value) => _seen.Writer.TryWrite(value);
    }
}
