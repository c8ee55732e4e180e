using System.Data;
using System.Data.Common;
using Dapper;
using TopGun.Buckets.Client;
using TopGun.Buckets.Client.Testing;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>The client's database through ADO.NET: by Dapper, and as a strict reader of its contract would use it.</summary>
public sealed class AdoNetTests : IAsyncDisposable
{
    private readonly ScratchFolder _folder = new();
    private BucketsClient? _client;

    private sealed record Todo
    {
        public string Id { get; init; } = "";

        public string? Title { get; init; }

        public bool Done { get; init; }

        public double? Rating { get; init; }
    }

    [Fact]
    public async Task Dapper_reads_and_writes_records()
    {
        var client = await OpenAsync();
        await using var connection = client.GetConnection();

        var written = await connection.ExecuteAsync(
            "INSERT INTO todos(id, title, done, rating) VALUES(@Id, @Title, @Done, @Rating)",
            new[] { new Todo { Id = "t1", Title = "Milk", Done = true, Rating = 1.5 }, new Todo { Id = "t2" } });
        var all = await connection.QueryAsync<Todo>("SELECT id, title, done, rating FROM todos ORDER BY id");
        var some = connection.Query<Todo>("SELECT * FROM todos WHERE id IN @ids AND done = @done", new { ids = new[] { "t1", "t2" }, done = true });
        var changed = connection.Execute("UPDATE todos SET done = 1");

        Assert.Equal(2, written);
        Assert.Equal([new Todo { Id = "t1", Title = "Milk", Done = true, Rating = 1.5 }, new Todo { Id = "t2" }], all);
        Assert.Equal(["t1"], some.Select(todo => todo.Id));
        Assert.Equal(1, changed); // the other row had that value already
        Assert.Equal(2, connection.ExecuteScalar<int>("SELECT count(*) FROM todos"));
        Assert.Null(await connection.QuerySingleOrDefaultAsync<string>("SELECT title FROM todos WHERE id = @id", new { id = "none" }));
        var (counts, texts) = await ReadTwoAsync(connection);
        Assert.Equal((2L, "Milk"), (counts, texts));
        Assert.Equal(
            ["2 PUT todos/t1 {\"title\":\"Milk\",\"done\":1,\"rating\":1.5}", "4 PUT todos/t2 {\"done\":0}", "6 PATCH todos/t2 {\"done\":1}"],
            await Todos.QueueAsync(client));
    }

    [Fact]
    public async Task What_Dapper_writes_is_uploaded_and_shown_by_live_queries()
    {
        var service = new FakeSyncService();
        var client = await OpenAsync(service);
        await client.ConnectAsync(ClientCalls.Now);
        await client.SyncedAsync();
        await using var live = client.Watch<string>("SELECT title FROM todos ORDER BY id", cancellationToken: ClientCalls.Now).GetAsyncEnumerator(ClientCalls.Now);
        Assert.Empty(await NextAsync(live));
        await using var connection = client.GetConnection();

        await connection.ExecuteAsync("INSERT INTO todos(id, title) VALUES('t1', 'Milk')");
        Assert.Equal(["Milk"], await NextAsync(live));
        await connection.OpenAsync(ClientCalls.Now);
        await using (var transaction = await connection.BeginTransactionAsync(ClientCalls.Now))
        {
            await connection.ExecuteAsync("UPDATE todos SET title = 'Oat milk'", transaction: transaction);
            await connection.ExecuteAsync("INSERT INTO todos(id, title) VALUES('t2', 'Eggs')");
            await transaction.CommitAsync(ClientCalls.Now);
        }

        Assert.Equal(["Oat milk", "Eggs"], await NextAsync(live));
        await client.WaitForCheckpointAsync(ClientCalls.Now).WaitAsync(Patience.Limit, ClientCalls.Now);
        Assert.Equal(["t1", "t1 t2"], service.Uploaded.Select(write => string.Join(' ', write.Entries.Select(entry => entry.Id))));
        service.Put("todos", "t3", new() { ["title"] = "Bread" });
        await client.WaitForCheckpointAsync(ClientCalls.Now).WaitAsync(Patience.Limit, ClientCalls.Now);
        Assert.Equal(["Oat milk", "Eggs", "Bread"], await connection.QueryAsync<string>("SELECT title FROM todos ORDER BY id"));
    }

    [Fact]
    public async Task A_transaction_is_all_or_nothing_and_holds_other_writers_until_it_ends()
    {
        var client = await OpenAsync();
        await using var connection = await OpenConnectionAsync(client);
        await using var other = await OpenConnectionAsync(client);
        Task<int> waiting;
        using (var transaction = connection.BeginTransaction())
        {
            connection.Execute("INSERT INTO todos(id) VALUES('t1')");
            transaction.Save("before");
            connection.Execute("INSERT INTO todos(id) VALUES('t2')");
            transaction.Rollback("before");
            Assert.Equal(["t1"], connection.Query<string>("SELECT id FROM todos"));
            using (ExecutionContext.SuppressFlow())
                waiting = Task.Run(() => other.ExecuteAsync("INSERT INTO todos(id) VALUES('t3')"));
            Assert.Equal([], await OutsideAsync(() => other.QueryAsync<string>("SELECT id FROM todos")));
            Assert.False(waiting.IsCompleted);
            transaction.Commit();
            Assert.Throws<BucketsException>(transaction.Commit);
        }
        Assert.Equal(1, await waiting.WaitAsync(Patience.Limit, ClientCalls.Now));

        await using (await connection.BeginTransactionAsync(ClientCalls.Now))
            await connection.ExecuteAsync("INSERT INTO todos(id) VALUES('t4')");
        using (var transaction = connection.BeginTransaction())
        {
            connection.Execute("INSERT INTO todos(id) VALUES('t5')");
            connection.Close();
        }

        Assert.Equal("t1= t3=", await Todos.RowsAsync(client));
        Assert.Equal(["PUT t1", "PUT t3"], await client.TextsAsync("SELECT op || ' ' || id FROM tg_crud ORDER BY seq"));
    }

    [Fact]
    public async Task The_client_says_so_when_it_is_used_where_it_would_wait_for_itself()
    {
        var client = await OpenAsync();
        await using var connection = await OpenConnectionAsync(client);
        await using var transaction = await connection.BeginTransactionAsync(ClientCalls.Now);

        Assert.Equal("TGB6021", (await Assert.ThrowsAsync<BucketsException>(() => client.RunAsync("INSERT INTO todos(id) VALUES('t1')"))).Code);
        await using var other = await OpenConnectionAsync(client);
        Assert.Equal("TGB6021", (await Assert.ThrowsAsync<BucketsException>(() => other.ExecuteAsync("INSERT INTO todos(id) VALUES('t1')"))).Code);
        Assert.Equal("TGB6021", Assert.Throws<BucketsException>(() => other.BeginTransaction()).Code);
        Assert.Throws<InvalidOperationException>(() => connection.BeginTransaction());
        await transaction.RollbackAsync(ClientCalls.Now);

        Assert.Equal(1, await client.RunAsync("INSERT INTO todos(id) VALUES('t1')"));
    }

    [Fact]
    public async Task A_write_transaction_of_the_client_is_a_connection_too()
    {
        var client = await OpenAsync();

        await client.TransactAsync(async transaction =>
        {
            await using var connection = transaction.GetConnection();
            await transaction.RunAsync("INSERT INTO todos(id) VALUES('t1')");
            await connection.ExecuteAsync("INSERT INTO todos(id, title) VALUES('t2', @title)", new { title = "x" });
            Assert.Equal(2, await connection.ExecuteScalarAsync<int>("SELECT count(*) FROM todos"));
            Assert.Throws<InvalidOperationException>(() => connection.BeginTransaction());
        });

        Assert.Equal("t1= t2=x", await Todos.RowsAsync(client));
        Assert.Equal(["1"], await client.TextsAsync("SELECT count(DISTINCT tx) FROM tg_crud"));
    }

    [Fact]
    public async Task Disposing_the_client_ends_a_transaction_that_was_left_open()
    {
        var client = await OpenAsync();
        await using var connection = await OpenConnectionAsync(client);
        var transaction = await connection.BeginTransactionAsync(ClientCalls.Now);
        await connection.ExecuteAsync("INSERT INTO todos(id) VALUES('t1')");

        await client.DisposeAsync().AsTask().WaitAsync(Patience.Limit, ClientCalls.Now);

        await Assert.ThrowsAsync<BucketsException>(() => connection.ExecuteAsync("INSERT INTO todos(id) VALUES('t2')"));
        await Assert.ThrowsAsync<BucketsException>(() => transaction.CommitAsync(ClientCalls.Now));
        await transaction.DisposeAsync();
        Assert.Equal("", await Todos.RowsAsync(await OpenAsync()));
    }

    [Fact]
    public async Task Values_keep_their_types()
    {
        var client = await OpenAsync();
        await using var connection = await OpenConnectionAsync(client);
        var guid = Guid.Parse("0f8fad5b-d9cb-469f-a165-70867728950e");
        var time = new DateTimeOffset(2026, 5, 4, 3, 2, 1, TimeSpan.FromHours(2));
        var command = connection.CreateCommand();
        command.CommandText = "SELECT @guid, :time, $price, ?4, @day, @hour, @span, @letter, NULL, @bytes, 1, 2.5";
        Add(command, "@guid", guid);
        Add(command, "time", time);
        Add(command, "$price", 12345678901234567.89m);
        Add(command, "", long.MinValue);
        Add(command, "day", new DateOnly(2026, 2, 3));
        Add(command, "hour", new TimeOnly(4, 5, 6));
        Add(command, "span", TimeSpan.FromMinutes(90));
        Add(command, "letter", 'x');
        Add(command, "bytes", new byte[] { 1, 2 });

        await using var reader = await command.ExecuteReaderAsync(ClientCalls.Now);

        Assert.True(await reader.ReadAsync(ClientCalls.Now));
        Assert.Equal(guid, reader.GetGuid(0));
        Assert.Equal(time, reader.GetFieldValue<DateTimeOffset>(1));
        Assert.Equal(12345678901234567.89m, reader.GetDecimal(2));
        Assert.Equal(long.MinValue, reader.GetInt64(3));
        Assert.Equal(new DateOnly(2026, 2, 3), reader.GetFieldValue<DateOnly>(4));
        Assert.Equal(new TimeOnly(4, 5, 6), reader.GetFieldValue<TimeOnly>(5));
        Assert.Equal(TimeSpan.FromMinutes(90), reader.GetFieldValue<TimeSpan>(6));
        Assert.Equal('x', reader.GetChar(7));
        Assert.True(reader.IsDBNull(8));
        Assert.Equal(DBNull.Value, reader.GetValue(8));
        Assert.Null(reader.GetFieldValue<int?>(8));
        Assert.Throws<InvalidCastException>(() => reader.GetInt32(8));
        Assert.Equal([1, 2], reader.GetFieldValue<byte[]>(9));
        Assert.Equal((true, DayOfWeek.Monday), (reader.GetBoolean(10), reader.GetFieldValue<DayOfWeek>(10)));
        Assert.Equal(2.5f, reader.GetFloat(11));
        Assert.Equal((typeof(string), typeof(object), typeof(long), typeof(double)), (reader.GetFieldType(0), reader.GetFieldType(8), reader.GetFieldType(10), reader.GetFieldType(11)));
        Assert.False(await reader.ReadAsync(ClientCalls.Now));
        Assert.Throws<InvalidOperationException>(() => reader.GetValue(0));
        Assert.Equal(-1, reader.RecordsAffected);
    }

    [Fact]
    public async Task A_command_holds_several_statements_and_their_results()
    {
        var client = await OpenAsync();
        await using var connection = await OpenConnectionAsync(client);
        var command = connection.CreateCommand();
        command.CommandText = """
            -- two rows, and what they are then
            INSERT INTO todos(id, title) VALUES(?, 'a'), (?, 'b');
            UPDATE todos SET done = 1 WHERE id = ?;
            SELECT id, done FROM todos ORDER BY id; SELECT count(*) AS n FROM todos -- done
            """;
        foreach (var id in (string[])["t1", "t2", "t2"])
            Add(command, "", id);

        await using var reader = await command.ExecuteReaderAsync(ClientCalls.Now);
        var rows = new DataTable();
        rows.Load(reader);

        Assert.Equal(3, reader.RecordsAffected);
        Assert.Equal(["t1/", "t2/1"], rows.Rows.Cast<DataRow>().Select(row => $"{row["ID"]}/{row["done"]}"));
        Assert.True(await reader.ReadAsync(ClientCalls.Now)); // Load has gone on to the next result
        Assert.Equal(("n", 2), (reader.GetName(0), reader.GetInt32("n")));
        Assert.False(await reader.NextResultAsync(ClientCalls.Now));
        Assert.Equal(["1"], await client.TextsAsync("SELECT count(DISTINCT tx) FROM tg_crud"));
    }

    [Fact]
    public async Task Failures_are_what_users_of_ado_net_expect()
    {
        var client = await OpenAsync();
        await using var connection = client.GetConnection();
        await Assert.ThrowsAsync<InvalidOperationException>(() => RunAsync(connection, "SELECT 1"));
        await connection.OpenAsync(ClientCalls.Now);
        await connection.ExecuteAsync("INSERT INTO todos(id) VALUES('t1')");

        var taken = await Assert.ThrowsAsync<BucketsDataException>(() => RunAsync(connection, "INSERT INTO todos(id) VALUES('t2'); INSERT INTO todos(id) VALUES('t1')"));
        Assert.Equal((1555, "TGB6020", false), (taken.SqliteErrorCode, taken.Code, taken.IsTransient));
        Assert.IsAssignableFrom<DbException>(taken);
        Assert.Throws<BucketsDataException>(() => connection.Query("SELECT nothing FROM nowhere"));
        Assert.Equal("TGB6051", (await Assert.ThrowsAsync<BucketsException>(() => RunAsync(connection, "SELECT @missing"))).Code);
        foreach (var sql in (string[])["BEGIN", "COMMIT", "SELECT 1; ROLLBACK"])
            Assert.Equal("TGB6026", (await Assert.ThrowsAsync<BucketsException>(() => RunAsync(connection, sql))).Code);

        Assert.Equal("t1=", await Todos.RowsAsync(client));
    }

    [Fact]
    public async Task A_command_ends_at_its_timeout_and_when_it_is_cancelled()
    {
        const string endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";
        var time = new ManualTime();
        var client = _client = await BucketsClient.OpenAsync(Todos.Options(_folder) with { TimeProvider = time, OtherProcessesPoll = Timeout.InfiniteTimeSpan }, ClientCalls.Now);
        await using var connection = await OpenConnectionAsync(client);
        var command = connection.CreateCommand();
        command.CommandText = endless;
        command.CommandTimeout = 5;

        var slow = command.ExecuteScalarAsync(ClientCalls.Now);
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("TGB6027", (await Assert.ThrowsAsync<BucketsDataException>(() => slow)).Code);

        var cancelled = command.ExecuteScalarAsync(ClientCalls.Now);
        command.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ClientCalls.Now);
        var stopped = command.ExecuteScalarAsync(stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => stopped);
        Assert.Equal(1, connection.ExecuteScalar<int>("SELECT 1"));
    }

    [Fact]
    public async Task Blocking_calls_do_not_need_the_thread_that_they_block()
    {
        var client = await OpenAsync();

        var count = SingleThread.Run(() =>
        {
            using var connection = client.GetConnection();
            connection.Open();
            using (var transaction = connection.BeginTransaction())
            {
                connection.Execute("INSERT INTO todos(id) VALUES('t1')", transaction: transaction);
                transaction.Commit();
            }
            return connection.ExecuteScalar<int>("SELECT count(*) FROM todos");
        });

        Assert.Equal(1, count);
    }

    [Fact]
    public async Task A_transaction_that_sqlite_rolled_back_takes_no_further_writes()
    {
        var client = await OpenAsync();
        await client.RunAsync("CREATE TABLE notes(id INTEGER PRIMARY KEY)");

        var failure = await Assert.ThrowsAsync<BucketsException>(() => client.TransactAsync(async transaction =>
        {
            await transaction.RunAsync("INSERT INTO notes VALUES(1)");
            await Assert.ThrowsAsync<LocalStoreException>(() => transaction.RunAsync("INSERT OR ROLLBACK INTO notes VALUES(1)"));
            Assert.Equal("TGB6028", (await Assert.ThrowsAsync<BucketsException>(() => transaction.RunAsync("INSERT INTO notes VALUES(2)"))).Code);
        }));

        Assert.Equal("TGB6028", failure.Code);
        Assert.Equal([0L], await client.QueryAsync<long>("SELECT count(*) FROM notes", cancellationToken: ClientCalls.Now));
        Assert.Equal("TGB6026", (await Assert.ThrowsAsync<BucketsException>(() => client.RunAsync("COMMIT"))).Code);
    }

    private static async Task<(long, string)> ReadTwoAsync(DbConnection connection)
    {
        await using var results = await connection.QueryMultipleAsync("SELECT count(*) FROM todos; SELECT title FROM todos WHERE id = @id", new { id = "t1" });
        return (await results.ReadSingleAsync<long>(), await results.ReadSingleAsync<string>());
    }

    private static async Task<int> RunAsync(DbConnection connection, string sql)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        return await command.ExecuteNonQueryAsync(ClientCalls.Now);
    }

    private static void Add(DbCommand command, string name, object value)
    {
        var parameter = command.CreateParameter();
        (parameter.ParameterName, parameter.Value) = (name, value);
        command.Parameters.Add(parameter);
    }

    /// <summary>As somebody does who has no transaction.</summary>
    private static Task<T> OutsideAsync<T>(Func<Task<T>> work)
    {
        using (ExecutionContext.SuppressFlow())
            return Task.Run(work);
    }

    private static async Task<IReadOnlyList<string>> NextAsync(IAsyncEnumerator<IReadOnlyList<string>> results)
    {
        Assert.True(await results.MoveNextAsync().AsTask().WaitAsync(Patience.Limit, ClientCalls.Now));
        return results.Current;
    }

    private static async Task<DbConnection> OpenConnectionAsync(BucketsClient client)
    {
        var connection = client.GetConnection();
        await connection.OpenAsync(ClientCalls.Now);
        return connection;
    }

    private async Task<BucketsClient> OpenAsync(FakeSyncService? service = null)
    {
        var options = Todos.Options(_folder);
        return _client = await BucketsClient.OpenAsync(service?.Connect(options) ?? options, ClientCalls.Now);
    }

    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
            await _client.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>A user interface's thread: what awaits on it comes back to it.</summary>
    private sealed class SingleThread : SynchronizationContext
    {
        public static T Run<T>(Func<T> work)
        {
            var before = Current;
            SetSynchronizationContext(new SingleThread());
            try
            {
                return work();
            }
            finally
            {
                SetSynchronizationContext(before);
            }
        }

        // Nobody is there to take it: the thread is blocked.
        public override void Post(SendOrPostCallback d, object? state) => throw new InvalidOperationException("A blocked thread was asked to go on.");
    }
}
