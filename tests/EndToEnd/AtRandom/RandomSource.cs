using System.Globalization;
using System.Text.RegularExpressions;
using Npgsql;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd.AtRandom;

/// <summary>
/// A database that only this object writes. Every transaction counts a clock up that clients see, so each state they show names the transaction that it
/// has to be the state after; what that is, Postgres itself is asked as soon as it has committed.
/// </summary>
internal sealed partial class RandomSource : IAsyncDisposable
{
    private const int MostTables = 6;

    private readonly PostgresDatabase _database;
    private readonly Random _random;
    private readonly List<RandomTable> _tables = [];
    private readonly List<List<ExpectedState>> _states = [];
    private readonly List<(Lsn Before, Lsn After)> _commits = [];
    private readonly List<string> _statements = [];
    private readonly Lock _gate = new();
    private readonly string _oracle;
    private NpgsqlConnection _writer = null!;
    private NpgsqlConnection _other = null!;
    private NpgsqlConnection _reader = null!; // in no transaction, so it sees what is committed

    private RandomSource(PostgresDatabase database, Random random)
    {
        _database = database;
        _random = random;
        _oracle = $"oracle_{database.Name}";
    }

    public static IReadOnlyList<string> Users => ["ann", "bob"];

    /// <summary>Everything that was executed, with the number of the transaction before it.</summary>
    public IReadOnlyList<string> Statements => _statements;

    /// <summary>Number of the last transaction.</summary>
    public int Clock => _states.Count - 1;

    public string Rules
    {
        get
        {
            var byOwner = _tables.Where(table => table.IsByOwner).Select(table => $"      - SELECT * FROM {table.InRules} WHERE owner = bucket.owner\n");
            var byGroup = _tables.Where(table => table.IsByGroup).Select(table => $"      - SELECT * FROM {table.InRules} WHERE grp = bucket.grp\n");
            return $"""
                bucket_definitions:
                  everybody:
                    data:
                      - SELECT * FROM clock
                  by_owner:
                    parameters: SELECT request.user_id() AS owner
                    data:
                {string.Concat(byOwner)}
                  by_group:
                    parameters: SELECT grp FROM members WHERE user_id = request.user_id()
                    data:
                {string.Concat(byGroup)}
                """;
        }
    }

    public static async Task<RandomSource> CreateAsync(PostgresDatabase database, Random random)
    {
        var source = new RandomSource(database, random);
        await source.CreateAsync();
        return source;
    }

    /// <summary>A few changes, committed together or not at all.</summary>
    public async Task WriteAsync()
    {
        var statements = Enumerable.Range(0, _random.Next(1, 7)).Select(_ => AnyTable().Change()).ToList();
        if (_random.Next(4) == 0)
            statements.Add(ChangeMembers());
        if (_random.Next(8) == 0)
        {
            await ExecuteAsync(_writer, $"BEGIN; {string.Join("; ", statements)}; ROLLBACK");
            return;
        }
        if (_random.Next(5) == 0)
        {
            await WriteInterleavedAsync(statements);
            return;
        }
        if (_random.Next(10) == 0)
            statements.Insert(_random.Next(statements.Count), AnyTable().AddEmptyColumn());
        await CommitAsync(_writer, statements);
    }

    /// <summary>Changes rows without the stream saying so. Until it is noticed, the rows may be what they were.</summary>
    public async Task WriteSilentlyAsync()
    {
        var before = _states[^1][0];
        if (_random.Next(4) == 0)
        {
            await CommitAsync(_writer, ["ALTER TYPE mood RENAME VALUE 'glad' TO 'merry'; ALTER TYPE mood RENAME VALUE 'sad' TO 'glad'; ALTER TYPE mood RENAME VALUE 'merry' TO 'sad'"]);
        }
        else
        {
            await CommitAsync(_writer, [AnyTable().ChangeSilently()]);
        }
        lock (_gate)
            _states[^1].Add(before);
    }

    /// <summary>Ends the service's walsender: it has to connect again, and looks at the catalogue then.</summary>
    public Task DisconnectServiceAsync() => _database.ExecuteAsync(
        $"SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active AND database = '{_database.Name}'");

    /// <summary>What is wrong with a state that a client shows; null when nothing is.</summary>
    public string? FindDifference(string user, ClientView view, bool isSettled = false)
    {
        var clock = ClockOf(view);
        List<ExpectedState> states;
        lock (_gate)
        {
            if (clock >= _states.Count)
                return null; // committed a moment ago: it is looked at again later
            states = isSettled ? [_states[clock][0]] : [.. _states[clock]];
        }
        var differences = states.ConvertAll(state => state.FindDifference(user, view));
        return differences.Contains(null) ? null : string.Create(CultureInfo.InvariantCulture, $"{user} at transaction {clock}: {differences[0]}");
    }

    public static int ClockOf(ClientView view) =>
        int.Parse(view.Rows.Single(row => row.Type == "clock")["n"]!, CultureInfo.InvariantCulture);

    /// <summary>Lets a second slot, of another plugin, tell what was committed in which order: as the clock says, each commit where it was.</summary>
    public async Task VerifyAsync()
    {
        await using var command = _database.DataSource.CreateCommand(
            $"SELECT lsn::text, data FROM pg_logical_slot_get_changes('{_oracle}', NULL, NULL, 'include-xids', 'false') WHERE data NOT LIKE 'message: %'");
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        var counts = new Dictionary<string, long>();
        var (clock, ticked) = (0, false);
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
        {
            var line = reader.GetString(1);
            if (line == "COMMIT" && ticked)
            {
                var end = Lsn.Parse(reader.GetString(0));
                var (before, after) = _commits[clock - 1];
                Assert.True(before <= end && end <= after, $"Transaction {clock} ends at {end}, not between {before} and {after}.");
                ticked = false;
            }
            else if (ClockLine().Match(line) is { Success: true } tick)
            {
                Assert.Equal(++clock, int.Parse(tick.Groups[1].ValueSpan, CultureInfo.InvariantCulture));
                ticked = true;
            }
            else if (ChangeLine().Match(line) is { Success: true } change)
            {
                foreach (var table in change.Groups[1].Value.Split(", "))
                {
                    counts[table] = change.Groups[2].Value switch
                    {
                        "INSERT" => counts.GetValueOrDefault(table) + 1,
                        "DELETE" => counts.GetValueOrDefault(table) - 1,
                        "TRUNCATE" => 0,
                        _ => counts.GetValueOrDefault(table),
                    };
                }
            }
        }
        await reader.DisposeAsync();
        Assert.Equal(Clock, clock);
        foreach (var (table, count) in counts)
            Assert.Equal(await _database.ReadAsync<long>($"SELECT count(*) FROM ONLY {table}"), count);
    }

    public async ValueTask DisposeAsync()
    {
        await _reader.DisposeAsync();
        await _other.DisposeAsync();
        await _writer.DisposeAsync();
    }

    [GeneratedRegex(@"^table public\.clock: UPDATE: .*n\[integer\]:(\d+)")]
    private static partial Regex ClockLine();

    [GeneratedRegex(@"^table (public\.t[^:]+): (INSERT|UPDATE|DELETE|TRUNCATE):")]
    private static partial Regex ChangeLine();

    private async Task CreateAsync()
    {
        _writer = await _database.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        _other = await _database.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        _reader = await _database.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        var identities = Enum.GetValues<RandomIdentity>();
        // Each way to get rows has at least one table.
        while (!_tables.Any(table => table.IsByOwner) || !_tables.Any(table => table.IsByGroup) || _tables.Count < MostTables && _random.Next(3) > 0)
            _tables.Add(new RandomTable($"t{_tables.Count + 1}", identities[_random.Next(identities.Length)], _random));
        await ExecuteAsync(
            _writer,
            "CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad'); CREATE TABLE clock (id text PRIMARY KEY, n int); INSERT INTO clock VALUES ('clock', 0);"
            + "CREATE TABLE members (id serial PRIMARY KEY, user_id text, grp int); INSERT INTO members (user_id, grp) VALUES ('ann', 1), ('bob', 1), ('bob', 2);"
            + string.Concat(_tables.Select(table => table.Create())));
        _states.Add([await ReadStateAsync()]);
        await ExecuteAsync(_writer, $"SELECT pg_create_logical_replication_slot('{_oracle}', 'test_decoding')");
    }

    private RandomTable AnyTable() => _tables[_random.Next(_tables.Count)];

    private string ChangeMembers()
    {
        var user = Users[_random.Next(Users.Count)];
        return _random.Next(3) switch
        {
            0 => $"INSERT INTO members (user_id, grp) SELECT '{user}', {_random.Next(4)} WHERE (SELECT count(*) FROM members) < 12",
            1 => $"DELETE FROM members WHERE id IN (SELECT id FROM members WHERE user_id = '{user}' ORDER BY id LIMIT 1)",
            _ => $"UPDATE members SET grp = {_random.Next(4)} WHERE id IN (SELECT id FROM members WHERE user_id = '{user}' ORDER BY id DESC LIMIT 1)",
        };
    }

    /// <summary>Another transaction begins before and commits in the middle.</summary>
    private async Task WriteInterleavedAsync(List<string> statements)
    {
        // Inserts only: these two never wait for each other.
        var (one, other) = (AnyTable(), AnyTable());
        await ExecuteAsync(_other, $"BEGIN; {other.InsertRows(2)}");
        await ExecuteAsync(_writer, $"BEGIN; {one.InsertRows(2)}");
        await CommitAsync(_other, [other.InsertRows(1)], isOpen: true);
        await CommitAsync(_writer, statements, isOpen: true);
    }

    private async Task CommitAsync(NpgsqlConnection connection, List<string> statements, bool isOpen = false)
    {
        var begin = isOpen ? "" : "BEGIN; ";
        await ExecuteAsync(connection, $"{begin}{string.Join("; ", statements)}; UPDATE clock SET n = n + 1");
        var before = await ReadPositionAsync();
        await ExecuteAsync(connection, "COMMIT");
        var after = await ReadPositionAsync();
        var state = await ReadStateAsync();
        lock (_gate)
        {
            _commits.Add((before, after));
            _states.Add([state]);
        }
    }

    private async Task<Lsn> ReadPositionAsync() =>
        Lsn.Parse((await _database.ReadAsync<string>("SELECT pg_current_wal_insert_lsn()::text"))!);

    private async Task<ExpectedState> ReadStateAsync()
    {
        var rows = new Dictionary<string, IReadOnlyList<string>>();
        foreach (var user in Users)
        {
            var shown = new List<string>();
            await using var command = new NpgsqlCommand(string.Join(" UNION ALL ", _tables.Select(table => table.ShownTo(user))), _reader);
            await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
            while (await reader.ReadAsync(TestContext.Current.CancellationToken))
                shown.Add(reader.GetString(0));
            rows[user] = [.. shown.Order(StringComparer.Ordinal)];
        }
        return new ExpectedState(_tables.ToDictionary(table => table.Name, table => table.ColumnNames), rows);
    }

    private async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        _statements.Add(string.Create(CultureInfo.InvariantCulture, $"{Clock}: {sql}"));
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }
}
