using System.Text;
using Npgsql;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

/// <summary>Follows a source the way the bucket log does: keeps a copy of every table, the stored state and position, and acknowledges.</summary>
internal sealed class Follower : IAsyncDisposable
{
    private readonly NpgsqlSource _source;
    private readonly ChangeSource _changes;
    private readonly CancellationTokenSource _ending = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<string, SortedDictionary<string, string>> _tables = [];
    private readonly StagedTables _staged;
    private readonly List<string> _log = [];
    private readonly List<WriteCheckpointMarker> _markers = [];
    private readonly LogLines _written = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task? _running;

    private Follower(string connectionString, ChangeSourceOptions options, Follower? previous, string? passwordFile)
    {
        Options = options;
        State = previous?.State;
        Position = previous?.Position ?? Lsn.None;
        if (previous is not null)
        {
            _tables = previous._tables;
            _log = previous._log;
        }
        _staged = previous?._staged ?? new StagedTables(_tables);
        _source = new NpgsqlSource(connectionString, options.Publication, passwordFile);
        Monitor = new ReplicationMonitor(TimeProvider.System);
        _changes = new ChangeSource(_source, options, Monitor, TimeProvider.System, new Random(), _written);
    }

    public ChangeSourceOptions Options { get; }

    public ReplicationMonitor Monitor { get; }

    public ISource Source => _source;

    public ReplicationState? State { get; private set; }

    public Lsn Position { get; private set; }

    /// <summary>Acknowledges what it has taken in. Off, the source keeps it.</summary>
    public bool Acknowledges { get; set; } = true;

    /// <summary>Called before an event is taken in; what it throws ends the following as a crash would.</summary>
    public Action<SourceEvent>? Before { get; set; }

    /// <summary>Why it ended, if it ended by itself.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>All that happened, a line each.</summary>
    public IReadOnlyList<string> Log
    {
        get
        {
            lock (_gate)
                return [.. _log];
        }
    }

    /// <summary>What an operator would read, a line each with its level.</summary>
    public IReadOnlyList<string> Written => _written.All;

    public IReadOnlyList<WriteCheckpointMarker> Markers
    {
        get
        {
            lock (_gate)
                return [.. _markers];
        }
    }

    public static ChangeSourceOptions OptionsFor(params string[] tables) => new()
    {
        Tables = [.. tables.Select(table => new TablePattern("public", table))],
    };

    public static Follower Start(PostgresDatabase database, params string[] tables) => Start(database, OptionsFor(tables));

    public static Follower Start(
        PostgresDatabase database, ChangeSourceOptions options, Follower? previous = null, Action<Follower>? prepare = null, string? role = null)
    {
        var server = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        server.Username = role ?? server.Username;
        return Start(server.ConnectionString, options, previous, prepare);
    }

    public static Follower Start(
        string connectionString, ChangeSourceOptions options, Follower? previous = null, Action<Follower>? prepare = null, string? passwordFile = null)
    {
        var follower = new Follower(connectionString, options, previous, passwordFile);
        prepare?.Invoke(follower);
        follower._running = Task.Run(follower.RunAsync);
        return follower;
    }

    /// <summary>Starts another one where this one stopped.</summary>
    public Follower Resume(PostgresDatabase database) => Start(database, Options, previous: this);

    /// <summary>The rows of a table, as key and values.</summary>
    public IReadOnlyDictionary<string, string> Rows(string table)
    {
        lock (_gate)
            return _tables.TryGetValue(table, out var rows) ? new Dictionary<string, string>(rows) : [];
    }

    /// <summary>Waits until the copy of a table is what the table is, and everything shown may be seen.</summary>
    public async Task CatchUpAsync(PostgresDatabase database, params string[] tables)
    {
        foreach (var table in tables)
        {
            var expected = await ReadTableAsync(database, table);
            await UntilAsync(
                () => IsVisible && Rows(table).Values.Order().SequenceEqual(expected),
                () => $"{table}: expected [{string.Join("; ", expected)}], is [{string.Join("; ", Rows(table).Values.Order())}]");
        }
    }

    public bool IsVisible => State is { SnapshotDone: true, Stale: null } && Position >= State.VisibleFrom;

    /// <summary>Whether everything is visible, and no table waits to be read again.</summary>
    public bool IsFresh => IsVisible && State!.Tables.All(table => table.Stale is null && !table.IsStaged);

    /// <summary>Whether the log has a line that starts like this.</summary>
    public bool Saw(string line) => Log.Any(one => one.StartsWith(line, StringComparison.Ordinal));

    /// <summary>Reads tables again.</summary>
    public void ReadAgain(string table, string reason) => _changes.ReadAgain(new TablePattern("public", table), reason);

    /// <summary>Follows other tables from now on.</summary>
    public void Follow(params string[] tables) => _changes.Follow([.. tables.Select(table => new TablePattern("public", table))]);

    /// <summary>Waits until something is so; looks again after each event, and now and then for what is no event.</summary>
    public async Task UntilAsync(Func<bool> isSo, Func<string>? describe = null)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Patience.Limit);
        while (true)
        {
            Task next;
            lock (_gate)
                next = _changed.Task;
            if (isSo())
                return;
            if (Failure is not null)
                throw new InvalidOperationException($"Following ended: {Failure.Message}", Failure);
            await Task.WhenAny(next, Task.Delay(50, TestContext.Current.CancellationToken));
            if (deadline.IsCancellationRequested)
            {
                Assert.Fail($"It never came. {describe?.Invoke()}\n{Monitor.Current}\n{string.Join('\n', State?.Tables ?? [])}\n{string.Join('\n', Log)}");
            }
        }
    }

    /// <summary>Acknowledges a position.</summary>
    public void Send(Lsn position) => _changes.Acknowledge(position);

    /// <summary>Waits until it has ended by itself.</summary>
    public Task UntilFailureAsync() => _running!.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);

    public async Task StopAsync()
    {
        await _ending.CancelAsync();
        if (_running is not null)
            await _running;
        await _source.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_ending.IsCancellationRequested)
            await StopAsync();
        _ending.Dispose();
    }

    private static async Task<List<string>> ReadTableAsync(PostgresDatabase database, string table)
    {
        // The columns' own output, as the stream has it; COALESCE to tell null from ''.
        await using var command = database.DataSource.CreateCommand(
            $"""
             SET TimeZone = 'UTC';
             SELECT array_to_string(ARRAY(SELECT coalesce(value, '∅') FROM json_each_text(row_to_json(whole)) WITH ORDINALITY ORDER BY ordinality), '|')
             FROM {table} whole
             """);
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        var rows = new List<string>();
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
            rows.Add(reader.GetString(0));
        return [.. rows.Order()];
    }

    private async Task RunAsync()
    {
        try
        {
            await foreach (var change in _changes.ReadAsync(State, Position, Lsn.None, _ending.Token))
            {
                Before?.Invoke(change);
                lock (_gate)
                    TakeIn(change);
                if (Acknowledges)
                    _changes.Acknowledge(Position);
                Signal();
            }
        }
        catch (OperationCanceledException) when (_ending.IsCancellationRequested)
        {
            // Stopped.
        }
        catch (Exception failure)
        {
            Failure = failure;
        }
        Signal();
    }

    private void Signal()
    {
        lock (_gate)
        {
            _changed.TrySetResult();
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    private void TakeIn(SourceEvent change)
    {
        State = change.State ?? State;
        switch (change)
        {
            case SnapshotStarted started:
                _tables.Clear();
                _staged.Clear();
                Position = Lsn.None;
                _log.Add($"snapshot started: {started.Reason}");
                break;
            case SnapshotRows rows:
                TakeIn(rows);
                break;
            case SnapshotEnded:
                _log.Add("snapshot ended");
                break;
            case RefreshStarted started:
                _staged.Begin(started.Tables);
                foreach (var table in started.Tables)
                    _log.Add($"refresh started: {table.Table.Name} {State!.Tables.Single(one => one.RelationId == table.Table.RelationId).Stale!.Reason}");
                break;
            case RefreshRows rows:
                _staged.TakeIn(rows.Table, rows.Rows);
                _log.Add($"read {rows.Rows.RowCount} of {rows.Table.Name}");
                break;
            case RefreshEnded ended:
                _staged.End(ended.Read, ended.Left);
                _log.Add($"refresh ended: {ended.Read.Count} read, {ended.Left.Count} left");
                break;
            case ContinuityLost lost:
                Position = Lsn.None;
                _staged.Freeze(lost.Tables);
                _log.Add($"continuity lost: {lost.Reason}");
                break;
            case FailedOver failover:
                _log.Add($"failed over to timeline {failover.State!.Timeline}");
                break;
            case PositionReached reached:
                Assert.True(reached.Position > Position);
                Position = reached.Position;
                break;
            case TransactionCommitted committed:
                Assert.True(committed.Transaction.EndPosition > Position);
                Position = committed.Transaction.EndPosition;
                _markers.AddRange(committed.Transaction.Markers);
                _log.Add("begin");
                TakeIn(committed.Transaction.ReadChanges());
                _log.Add("commit");
                break;
        }
    }

    private void TakeIn(SnapshotRows rows)
    {
        var row = new SourceRow();
        for (var index = 0; index < rows.Rows.RowCount; index++)
        {
            rows.Rows.Read(index, row);
            Table(rows.Table).TryAdd(KeyOf(rows.Table, row), Text(row));
            _staged.Own(rows.Table);
        }
        _log.Add($"read {rows.Rows.RowCount} of {rows.Table.Name}");
    }

    private void TakeIn(RowChangeReader changes)
    {
        while (changes.Read())
        {
            if (changes.Kind == RowChangeKind.Truncate)
            {
                _log.Add($"truncate {string.Join(", ", changes.Truncated.Select(table => table.Name))}");
                foreach (var truncated in changes.Truncated)
                {
                    _staged.Truncate(truncated);
                    if (_staged.IsLive(truncated))
                        Table(truncated).Clear();
                }
                continue;
            }
            var table = changes.Table;
            var old = changes.Old.Count > 0 ? $" old ({Text(changes.Old)})" : "";
            var fresh = changes.New.Count > 0 ? $" ({Text(changes.New)})" : "";
            _log.Add($"{changes.Kind.ToString().ToLowerInvariant()} {table.Name}{old}{fresh}");
            if (_staged.Find(table) is { } staged)
                ApplyStaged(staged, changes);
            if (_staged.IsLive(table))
                Apply(Table(table), changes);
        }
    }

    private static void ApplyStaged(SortedDictionary<string, string?> rows, RowChangeReader changes)
    {
        var table = changes.Table;
        if (changes.Old.Count > 0)
        {
            var oldKey = KeyOf(table, changes.Old);
            StagedTables.Fill(changes.New, rows.GetValueOrDefault(oldKey));
            rows[oldKey] = null;
        }
        if (changes.Kind == RowChangeKind.Delete)
            return;
        StagedTables.Fill(changes.New, rows.GetValueOrDefault(KeyOf(table, changes.New)));
        rows[KeyOf(table, changes.New)] = Text(changes.New);
    }

    private static void Apply(SortedDictionary<string, string> rows, RowChangeReader changes)
    {
        var table = changes.Table;
        if (changes.Kind == RowChangeKind.Delete)
        {
            rows.Remove(KeyOf(table, changes.Old));
            return;
        }
        var oldKey = changes.Old.Count > 0 ? KeyOf(table, changes.Old) : KeyOf(table, changes.New);
        var before = rows.GetValueOrDefault(oldKey)?.Split('|');
        rows.Remove(oldKey);
        for (var column = 0; column < changes.New.Count; column++)
        {
            if (changes.New[column].Kind == SourceValueKind.Unchanged)
                changes.New[column] = new SourceValue(SourceValueKind.Text, Encoding.UTF8.GetBytes(before?[column] ?? "?"));
        }
        rows[KeyOf(table, changes.New)] = Text(changes.New);
    }

    private SortedDictionary<string, string> Table(SourceTable table)
    {
        if (!_tables.TryGetValue(table.Name, out var rows))
            _tables[table.Name] = rows = [];
        return rows;
    }

    internal static string KeyOf(SourceTable table, SourceRow row) => string.Join(
        '|', Enumerable.Range(0, row.Count).Where(column => table.Columns[column].IsKey).Select(column => Text(row[column])));

    internal static string Text(SourceRow row) => string.Join('|', Enumerable.Range(0, row.Count).Select(column => Text(row[column])));

    private static string Text(SourceValue value) => value.Kind switch
    {
        SourceValueKind.Null => "∅",
        SourceValueKind.Unchanged => "unchanged",
        SourceValueKind.Absent => "absent",
        _ => Encoding.UTF8.GetString(value.Text.Span),
    };
}
