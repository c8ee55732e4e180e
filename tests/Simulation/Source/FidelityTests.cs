using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Npgsql;
using NpgsqlTypes;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Workload;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Simulation.Source;

/// <summary>The simulated source sends what Postgres sends: the same scripts run on both, and what the walsender says is compared message by message.</summary>
public sealed class FidelityTests(FidelityServer server, ITestOutputHelper output) : IClassFixture<FidelityServer>
{
    private const string Slot = "fidelity";
    private const string Publication = "fidelity";

    private static readonly string Long = new('x', 9000); // out of line on a real server too
    private static readonly IReadOnlyList<SimTable> Published = [TodoApp.Lists, TodoApp.Todos, TodoApp.Members, TodoApp.Notices, ValueZoo.Table];
    private static readonly IReadOnlyList<SimTable> Tables = [.. Published, TodoApp.Uploads];

    private static readonly Dictionary<string, Func<IScript, Task>> Scripts = new(StringComparer.Ordinal)
    {
        ["transactions that interleave"] = async script =>
        {
            await script.InsertAsync("a", TodoApp.Lists, "1", "ann", "first", "1");
            await script.InsertAsync("b", TodoApp.Lists, "2", "bob", null, null);
            await script.InsertAsync("a", TodoApp.Members, "1", "ann");
            await script.CommitAsync("b");
            await script.InsertAsync("a", TodoApp.Lists, "3", "ann", "", "-7");
            await script.CommitAsync("a");
        },
        ["a transaction that is rolled back, and one that changes nothing published"] = async script =>
        {
            await script.InsertAsync("a", TodoApp.Lists, "1", "ann", "first", "1");
            await script.RollbackAsync("a");
            await script.InsertAsync("b", TodoApp.Uploads, "device", "1");
            await script.CommitAsync("b");
            await script.InsertAsync("c", TodoApp.Uploads, "device", "2");
            await script.InsertAsync("c", TodoApp.Lists, "2", "bob", "second", "2");
            await script.CommitAsync("c");
        },
        ["updates that leave out what is long"] = async script =>
        {
            await script.InsertAsync("a", TodoApp.Todos, "t", "l", "title", Long, "f", "1");
            await script.CommitAsync("a");
            await script.UpdateAsync("b", TodoApp.Todos, ["t"], (2, "other"));
            await script.UpdateAsync("b", TodoApp.Todos, ["t"], (4, "t"), (5, "9223372036854775807"));
            await script.UpdateAsync("b", TodoApp.Todos, ["t"]);
            await script.UpdateAsync("b", TodoApp.Todos, ["t"], (3, null));
            await script.CommitAsync("b");
        },
        ["keys that change"] = async script =>
        {
            await script.InsertAsync("a", TodoApp.Todos, "t", "l", "title", Long, "f", null);
            await script.InsertAsync("a", TodoApp.Members, "l", "ann");
            await script.CommitAsync("a");
            await script.UpdateAsync("b", TodoApp.Todos, ["t"], (0, "u"));
            await script.UpdateAsync("b", TodoApp.Members, ["l", "ann"], (1, "bob"));
            await script.InsertAsync("b", TodoApp.Todos, "t", "l", "another", null, null, null);
            await script.DeleteAsync("b", TodoApp.Todos, ["u"]);
            await script.DeleteAsync("b", TodoApp.Members, ["l", "bob"]);
            await script.CommitAsync("b");
        },
        ["full identity"] = async script =>
        {
            await script.InsertAsync("a", TodoApp.Notices, "n", Long);
            await script.CommitAsync("a");
            await script.UpdateAsync("b", TodoApp.Notices, ["n"], (0, "m"));
            await script.UpdateAsync("b", TodoApp.Notices, ["m"], (1, "short ü \\ \""));
            await script.UpdateAsync("b", TodoApp.Notices, ["m"]);
            await script.DeleteAsync("b", TodoApp.Notices, ["m"]);
            await script.CommitAsync("b");
        },
        ["truncation between changes"] = async script =>
        {
            await script.InsertAsync("a", TodoApp.Notices, "n", "before");
            await script.TruncateAsync("a", TodoApp.Notices, TodoApp.Todos);
            await script.InsertAsync("a", TodoApp.Notices, "n", "after");
            await script.CommitAsync("a");
            await script.TruncateAsync("b", TodoApp.Uploads);
            await script.CommitAsync("b");
        },
        ["the extremes of every type"] = async script =>
        {
            for (var number = 0; number < ValueZoo.Columns.Max(column => column.Values.Count); number++)
            {
                var id = number.ToString(CultureInfo.InvariantCulture);
                await script.InsertAsync(
                    "a", ValueZoo.Table, [id, .. ValueZoo.Columns.Select(column => column.Values[number % column.Values.Count].Text)]);
            }
            await script.CommitAsync("a");
        },
        ["what is taken back to a savepoint"] = async script =>
        {
            await script.InsertAsync("a", TodoApp.Notices, "n", "kept");
            await script.SavepointAsync("a");
            await script.InsertAsync("a", TodoApp.Notices, "m", "taken back");
            await script.UpdateAsync("a", TodoApp.Notices, ["n"], (1, "taken back"));
            await script.RollbackToSavepointAsync("a");
            await script.UpdateAsync("a", TodoApp.Notices, ["n"], (1, "again"));
            await script.CommitAsync("a");
            await script.SavepointAsync("b");
            await script.InsertAsync("b", TodoApp.Notices, "o", "all of it taken back");
            await script.RollbackToSavepointAsync("b");
            await script.CommitAsync("b");
        },
        ["transactions in two phases"] = async script =>
        {
            await script.InsertAsync("a", TodoApp.Notices, "n", "prepared first");
            await script.PrepareAsync("a");
            await script.InsertAsync("b", TodoApp.Notices, "m", "committed first");
            await script.CommitAsync("b");
            await script.InsertAsync("c", TodoApp.Notices, "o", "never");
            await script.PrepareAsync("c");
            await script.RollbackAsync("c");
            await script.CommitAsync("a");
        },
        ["messages"] = async script =>
        {
            await script.MessageAsync("a", "topgun", "one");
            await script.InsertAsync("a", TodoApp.Notices, "n", "between");
            await script.MessageAsync("a", "somebody", "");
            await script.CommitAsync("a");
            await script.MessageAsync("b", "topgun", "never");
            await script.RollbackAsync("b");
        },
    };

    public static TheoryData<string> Names => [.. Scripts.Keys];

    /// <summary>A script runs on either source; transactions begin when they are first named.</summary>
    private interface IScript
    {
        Task InsertAsync(string transaction, SimTable table, params string?[] values);

        Task UpdateAsync(string transaction, SimTable table, string[] key, params (int Column, string? Value)[] changes);

        Task DeleteAsync(string transaction, SimTable table, string[] key);

        Task TruncateAsync(string transaction, params SimTable[] tables);

        Task MessageAsync(string transaction, string prefix, string content);

        Task SavepointAsync(string transaction);

        Task RollbackToSavepointAsync(string transaction);

        Task PrepareAsync(string transaction);

        Task CommitAsync(string transaction);

        Task RollbackAsync(string transaction);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Both_sources_say_the_same(string script)
    {
        var real = await RunOnPostgresAsync(Scripts[script]);

        var simulated = RunSimulated(Scripts[script]);

        output.WriteLine(string.Join(Environment.NewLine, real.Select(line => line.Replace(Long, "…", StringComparison.Ordinal))));
        Assert.Equal(real, simulated);
        Assert.Contains(real, line => line.StartsWith("begin", StringComparison.Ordinal));
    }

    private async Task<List<string>> RunOnPostgresAsync(Func<IScript, Task> script)
    {
        await using var database = await PostgresDatabase.CreateAsync(server.Cluster);
        foreach (var table in Tables)
            await database.ExecuteAsync(Definition(table));
        await database.ExecuteAsync($"CREATE PUBLICATION {Publication} FOR TABLE {string.Join(", ", Published.Select(table => table.Name))}");
        await using var source = new NpgsqlSource(database.ConnectionString, Publication);
        await using var link = await source.OpenReplicationAsync(TestContext.Current.CancellationToken);
        var slot = $"{Slot}_{database.Name}";
        await link.CreateSlotAsync(slot, TestContext.Current.CancellationToken); // goes with the database
        await using (var runner = new PostgresScript(database))
            await RunAsync(runner, script);
        await link.StartAsync(slot, Publication, TestContext.Current.CancellationToken);
        return await ReadAsync(link);
    }

    private static List<string> RunSimulated(Func<IScript, Task> script)
    {
        List<string> said = [];
        var loop = new SimLoop(1);
        var source = new SimPostgres(loop, Tables, new SimSourceLatency(TimeSpan.FromMilliseconds(0.1), TimeSpan.FromMilliseconds(1)));
        loop.Run(
            async () =>
            {
                await using var session = await source.OpenSessionAsync(CancellationToken.None);
                await session.EnsurePublicationAsync(
                    Publication, [.. Published.Select(table => new SyncRules.TablePattern("public", table.Name))], CancellationToken.None);
                await using var link = await source.OpenReplicationAsync(CancellationToken.None);
                await link.CreateSlotAsync(Slot, CancellationToken.None);
                await RunAsync(new SimScript(source), script);
                await link.StartAsync(Slot, Publication, CancellationToken.None);
                said = await ReadAsync(link);
            },
            limit: TimeSpan.FromMinutes(1),
            stepLimit: 100_000);
        Assert.True(loop.Failure is null, loop.Failure?.Message);
        return said;
    }

    private static async Task RunAsync(IScript runner, Func<IScript, Task> script)
    {
        await script(runner);
        await runner.MessageAsync("end", "end", "");
        await runner.CommitAsync("end");
    }

    /// <summary>Everything up to the message that ends a script.</summary>
    private static async Task<List<string>> ReadAsync(IReplicationLink link)
    {
        List<string> said = [];
        Dictionary<int, string> names = [];
        while (true)
        {
            var message = await link.ReadAsync(CancellationToken.None);
            if (message.IsKeepalive)
                continue;
            var text = new MessageText(message.Data.ToArray(), names).ToString();
            if (text.StartsWith("message 1 end", StringComparison.Ordinal))
                return said;
            said.Add(text);
        }
    }

    private static string Definition(SimTable table)
    {
        var columns = table.Table.Columns.Select(column => $"{column.Name} {TypeOf(column)}");
        var key = table.Table.Columns.Where(column => column.IsKey).Select(column => column.Name);
        var storage = table.Table.Columns.Where(column => column.TypeId == 25).Select(column => $"ALTER {column.Name} SET STORAGE EXTERNAL");
        return $"""
            CREATE TABLE {table.Name} ({string.Join(", ", columns)}, PRIMARY KEY ({string.Join(", ", key)}));
            ALTER TABLE {table.Name} {string.Join(", ", storage)};
            ALTER TABLE {table.Name} REPLICA IDENTITY {(table.Table.Identity == SyncRules.ReplicaIdentity.Full ? "FULL" : "DEFAULT")};
            """;
    }

    private static string TypeOf(SyncRules.SourceColumn column) => ValueZoo.Columns.First(known => known.TypeId == column.TypeId).Type;

    private sealed class SimScript(SimPostgres source) : IScript
    {
        private readonly Dictionary<string, SimTransaction> _open = [];
        private readonly Dictionary<string, int> _savepoints = [];

        public Task InsertAsync(string transaction, SimTable table, params string?[] values) =>
            Do(() => Open(transaction).Insert(table, SimRow.Of(values)));

        public Task UpdateAsync(string transaction, SimTable table, string[] key, params (int Column, string? Value)[] changes) =>
            Do(() => Open(transaction).Update(
                table, SimTable.KeyOf(key), row => changes.Aggregate(row, (changed, change) => changed.With(change.Column, change.Value))));

        public Task DeleteAsync(string transaction, SimTable table, string[] key) =>
            Do(() => Open(transaction).Delete(table, SimTable.KeyOf(key)));

        public Task TruncateAsync(string transaction, params SimTable[] tables) => Do(() => Open(transaction).Truncate(tables));

        public Task MessageAsync(string transaction, string prefix, string content) =>
            Do(() => Open(transaction).Message(prefix, Encoding.UTF8.GetBytes(content)));

        public Task SavepointAsync(string transaction) => Do(() => _savepoints[transaction] = Open(transaction).Savepoint());

        public Task RollbackToSavepointAsync(string transaction) => Do(() => Open(transaction).RollbackTo(_savepoints[transaction]));

        public Task PrepareAsync(string transaction) => Do(() => Open(transaction).Prepare());

        public async Task CommitAsync(string transaction)
        {
            Open(transaction).Commit();
            while (source.RunningTransactions.Contains(Open(transaction)))
                await source.Loop.Delay(TimeSpan.FromMilliseconds(1), "script", CancellationToken.None);
        }

        public Task RollbackAsync(string transaction) => Do(() => Open(transaction).Rollback());

        private static Task Do(Action action)
        {
            action();
            return Task.CompletedTask;
        }

        private SimTransaction Open(string name)
        {
            if (!_open.TryGetValue(name, out var transaction))
                _open.Add(name, transaction = source.Begin());
            return transaction;
        }
    }

    private sealed class PostgresScript(PostgresDatabase database) : IScript, IAsyncDisposable
    {
        private readonly Dictionary<string, NpgsqlConnection> _open = [];
        private readonly List<NpgsqlConnection> _connections = [];
        private readonly HashSet<string> _prepared = [];

        public Task InsertAsync(string transaction, SimTable table, params string?[] values) => ExecuteAsync(
            transaction, $"INSERT INTO {table.Name} VALUES ({string.Join(", ", values.Select((_, index) => Parameter(index)))})", values);

        public Task UpdateAsync(string transaction, SimTable table, string[] key, params (int Column, string? Value)[] changes)
        {
            var columns = table.Table.Columns;
            var set = changes.Length == 0
                ? $"{columns[^1].Name} = {columns[^1].Name}"
                : string.Join(", ", changes.Select((change, index) => $"{columns[change.Column].Name} = {Parameter(key.Length + index)}"));
            return ExecuteAsync(transaction, $"UPDATE {table.Name} SET {set} WHERE {Where(table)}", [.. key, .. changes.Select(change => change.Value)]);
        }

        public Task DeleteAsync(string transaction, SimTable table, string[] key) =>
            ExecuteAsync(transaction, $"DELETE FROM {table.Name} WHERE {Where(table)}", key);

        public Task TruncateAsync(string transaction, params SimTable[] tables) =>
            ExecuteAsync(transaction, $"TRUNCATE {string.Join(", ", tables.Select(table => table.Name))}", []);

        public Task MessageAsync(string transaction, string prefix, string content) =>
            ExecuteAsync(transaction, "SELECT pg_logical_emit_message(true, $1::text, $2::text)", [prefix, content]);

        public Task SavepointAsync(string transaction) => ExecuteAsync(transaction, "SAVEPOINT here", []);

        public Task RollbackToSavepointAsync(string transaction) => ExecuteAsync(transaction, "ROLLBACK TO here", []);

        public Task PrepareAsync(string transaction)
        {
            _prepared.Add(transaction);
            return ExecuteAsync(transaction, $"PREPARE TRANSACTION '{transaction}'", []);
        }

        public Task CommitAsync(string transaction) =>
            _prepared.Contains(transaction) ? database.ExecuteAsync($"COMMIT PREPARED '{transaction}'") : ExecuteAsync(transaction, "COMMIT", []);

        public Task RollbackAsync(string transaction) =>
            _prepared.Contains(transaction) ? database.ExecuteAsync($"ROLLBACK PREPARED '{transaction}'") : ExecuteAsync(transaction, "ROLLBACK", []);

        public async ValueTask DisposeAsync()
        {
            foreach (var connection in _connections)
                await connection.DisposeAsync();
        }

        private static string Parameter(int index) => string.Create(CultureInfo.InvariantCulture, $"${index + 1}");

        private static string Where(SimTable table) =>
            string.Join(" AND ", table.KeyColumns.Select((column, index) => $"{table.Table.Columns[column].Name} = {Parameter(index)}"));

        private async Task<NpgsqlConnection> OpenAsync(string name)
        {
            if (_open.TryGetValue(name, out var connection))
                return connection;
            _connections.Add(connection = await database.DataSource.OpenConnectionAsync());
            _open.Add(name, connection);
            await using var begin = new NpgsqlCommand("BEGIN", connection);
            await begin.ExecuteNonQueryAsync();
            return connection;
        }

        private async Task ExecuteAsync(string transaction, string sql, string?[] values)
        {
            await using var command = new NpgsqlCommand(sql, await OpenAsync(transaction));
            foreach (var value in values)
                command.Parameters.Add(new NpgsqlParameter { Value = (object?)value ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Unknown });
            await command.ExecuteNonQueryAsync();
        }
    }

    /// <summary>A message in words, without what differs from server to server: positions, times, transaction ids and oids of tables.</summary>
    private ref struct MessageText(byte[] message, Dictionary<int, string> names)
    {
        private ReadOnlySpan<byte> _rest = message;

        public override string ToString() => (char)Byte() switch
        {
            'B' => "begin",
            'C' => "commit",
            'R' => Relation(),
            'I' => $"insert {names[Int32()]}{Tuples()}",
            'U' => $"update {names[Int32()]}{Tuples()}",
            'D' => $"delete {names[Int32()]}{Tuples()}",
            'T' => Truncate(),
            'M' => Message(),
            var other => $"unknown {other}",
        };

        private string Relation()
        {
            var id = Int32();
            names[id] = $"{Text()}.{Text()}";
            var text = new StringBuilder($"relation {names[id]} {(char)Byte()}");
            for (var columns = Int16(); columns > 0; columns--)
            {
                var isKey = Byte() == 1;
                text.Append(CultureInfo.InvariantCulture, $", {(isKey ? "key " : "")}{Text()} {Int32()} {Int32()}");
            }
            return text.ToString();
        }

        private string Truncate()
        {
            var count = Int32();
            var text = new StringBuilder($"truncate {Byte()}");
            List<string> tables = [];
            for (; count > 0; count--)
                tables.Add(names[Int32()]);
            return text.Append(' ').AppendJoin(", ", tables.Order(StringComparer.Ordinal)).ToString();
        }

        private string Message()
        {
            var flags = Byte();
            _rest = _rest[sizeof(long)..];
            var prefix = Text();
            var length = Int32();
            return string.Create(CultureInfo.InvariantCulture, $"message {flags} {prefix} {Encoding.UTF8.GetString(_rest[..length])}");
        }

        private string Tuples()
        {
            var text = new StringBuilder();
            while (_rest.Length > 0)
            {
                text.Append(CultureInfo.InvariantCulture, $" {(char)Byte()}");
                for (var columns = Int16(); columns > 0; columns--)
                {
                    var kind = (char)Byte();
                    text.Append('|').Append(kind);
                    if (kind != 't')
                        continue;
                    var length = Int32();
                    text.Append(Encoding.UTF8.GetString(_rest[..length]));
                    _rest = _rest[length..];
                }
            }
            return text.ToString();
        }

        private byte Byte()
        {
            var value = _rest[0];
            _rest = _rest[1..];
            return value;
        }

        private short Int16()
        {
            var value = BinaryPrimitives.ReadInt16BigEndian(_rest);
            _rest = _rest[sizeof(short)..];
            return value;
        }

        private int Int32()
        {
            var value = BinaryPrimitives.ReadInt32BigEndian(_rest);
            _rest = _rest[sizeof(int)..];
            return value;
        }

        private string Text()
        {
            var end = _rest.IndexOf((byte)0);
            var value = Encoding.UTF8.GetString(_rest[..end]);
            _rest = _rest[(end + 1)..];
            return value;
        }
    }
}

/// <summary>A server that lets transactions be prepared, which none does unless it is told.</summary>
public sealed class FidelityServer : IAsyncLifetime
{
    public PostgresCluster Cluster { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Cluster = await PostgresCluster.StartAsync(
        new PostgresClusterOptions { Settings = new Dictionary<string, string> { ["max_prepared_transactions"] = "5" } },
        TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();
}
