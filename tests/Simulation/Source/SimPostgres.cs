using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Tests.Simulation.Loop;

namespace TopGun.Buckets.Tests.Simulation.Source;

/// <summary>A Postgres server in memory: tables, transactions, a write-ahead log, slots, and walsenders that speak real pgoutput.</summary>
/// <remarks>
/// Commit order is the order of commit records. The changes of open transactions interleave in the log, so a transaction delivered later may hold
/// changes with lower positions. A commit may be seen by others a moment after its record is in the log, and in another order than those of other rows;
/// and one that did not wait for the disk may be seen, and be lost with a crash. Whoever is promoted in place of the server may lack the newest commits.
/// </remarks>
internal sealed partial class SimPostgres : ISource
{
    private const int RowsPerBlock = 4;

    private readonly SimRandom _random;
    private readonly SimRandom _layout;
    private readonly bool _hasFiles; // or is of a version without reading by blocks
    private readonly double _lateCommits; // share of those that are in the log before they are shown, as when a standby has to confirm them
    private readonly TimeSpan _latest;
    private readonly Dictionary<string, uint> _files = new(StringComparer.Ordinal);
    private readonly List<SimTransaction> _open = [];
    private readonly Dictionary<SimTransaction, HashSet<string>> _lockedTables = [];
    private readonly List<SimConnection> _connections = [];
    private ulong _insertPosition = 0x0100_0028;
    private uint _nextTransaction = 700;
    private uint _nextFile = 16_000;
    private long _versions;

    public SimPostgres(SimLoop loop, IReadOnlyList<SimTable> tables, SimSourceLatency latency)
    {
        Loop = loop;
        Tables = tables;
        Latency = latency;
        _random = loop.Stream("source");
        _layout = loop.Stream("layout");
        _hasFiles = _layout.Chance(0.7);
        var standby = loop.Stream("standby");
        (_lateCommits, _latest) = standby.Chance(0.3)
            ? (0.5, standby.LogBetween(TimeSpan.FromMilliseconds(40), TimeSpan.FromSeconds(2)))
            : (0.1, TimeSpan.FromMilliseconds(40));
        foreach (var table in tables)
            _files.Add(table.Name, _nextFile++);
    }

    public SimLoop Loop { get; }

    public IReadOnlyList<SimTable> Tables { get; }

    public SimSourceLatency Latency { get; }

    public SimRandom Random => _random;

    /// <summary>All commits since the start, in commit order.</summary>
    public List<SimCommit> Commits { get; } = [];

    public SortedDictionary<string, SimSlot> Slots { get; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, HashSet<string>> Publications { get; } = new(StringComparer.Ordinal);

    /// <summary>What a query sees now.</summary>
    public SourceState State { get; private set; } = SourceState.Empty;

    /// <summary>End of the WAL handed out.</summary>
    public Lsn InsertPosition => new(_insertPosition);

    /// <summary>End of the WAL that is on the disk. Only what is before it is sent.</summary>
    public Lsn Flushed { get; private set; } = new(0x0100_0028);

    /// <summary>End of the last commit record.</summary>
    public Lsn LastCommit => Commits.Count == 0 ? Lsn.None : Commits[^1].End;

    /// <summary>Whether connections are refused.</summary>
    public bool IsDown { get; private set; }

    /// <summary>Told of every commit, right after it became visible.</summary>
    public event Action<SimCommit>? Committed;

    /// <summary>Told of every position that the service reports as flushed, before it takes effect.</summary>
    public event Action<Lsn>? Acknowledged;

    /// <summary>Told of the consistent point of every slot that is created.</summary>
    public event Action<Lsn>? SlotCreated;

    public SimTransaction Begin()
    {
        var transaction = new SimTransaction(this, _nextTransaction++);
        _open.Add(transaction);
        return transaction;
    }

    /// <summary>Transactions that others see as running: those that have not ended, and those whose commit is not shown yet.</summary>
    public IReadOnlyList<SimTransaction> RunningTransactions => [.. _open];

    public SimTable Table(string name) => Tables.Single(table => table.Name == name);

    /// <summary>WAL that has nothing to do with us: another database, vacuum, a checkpoint. Sometimes it is a rewrite, which no decoding shows.</summary>
    public void AppendNoise()
    {
        AppendRecord();
        if (_layout.Chance(0.05))
            Rewrite(Tables[_layout.Between(0, Tables.Count - 1)].Name);
    }

    /// <summary>The file of a table; null on a version that cannot read by blocks.</summary>
    public TableFile? FileOf(string table) => _hasFiles ? new TableFile(_files[table], BlockCount) : null;

    /// <summary>Puts a version of a row where there is room: behind all others, or where older ones were.</summary>
    public SimRow Place(SimRow row)
    {
        _versions++;
        return row with { Block = _layout.Between(0, (int)BlockCount - 1) };
    }

    public async ValueTask<ISourceSession> OpenSessionAsync(CancellationToken cancellationToken)
    {
        await ConnectAsync(cancellationToken);
        var session = new SimSourceSession(this);
        _connections.Add(session);
        return session;
    }

    public async ValueTask<IReplicationLink> OpenReplicationAsync(CancellationToken cancellationToken)
    {
        await ConnectAsync(cancellationToken);
        var link = new SimReplicationLink(this);
        _connections.Add(link);
        return link;
    }

    /// <summary>Breaks every connection that is open now.</summary>
    public void CutConnections()
    {
        foreach (var connection in _connections)
            connection.Cut();
        _connections.Clear();
    }

    /// <summary>Starts the server again. A slot's confirmed position is saved lazily, so it may have moved back.</summary>
    public void Start()
    {
        IsDown = false;
        foreach (var slot in Slots.Values)
            slot.Restart(_random);
    }

    public void Forget(SimConnection connection) => _connections.Remove(connection);

    public void OnSlotCreated(Lsn consistentPoint) => SlotCreated?.Invoke(consistentPoint);

    public void OnAcknowledged(Lsn position) => Acknowledged?.Invoke(position);

    /// <summary>Writes one record.</summary>
    /// <returns>Its start.</returns>
    public Lsn AppendRecord()
    {
        var start = new Lsn(_insertPosition);
        _insertPosition += 8UL * (ulong)_random.Between(4, 40);
        return start;
    }

    public void LockRow(SimTransaction transaction, SimTable table, string name)
    {
        foreach (var other in _open)
        {
            if (other != transaction && (other.Holds(name) || IsTableLocked(other, table.Name)))
                throw new SimConflictException($"{name} is locked");
        }
    }

    public void LockTable(SimTransaction transaction, SimTable table)
    {
        foreach (var other in _open)
        {
            if (other != transaction && (other.HoldsAny(table.Name) || IsTableLocked(other, table.Name)))
                throw new SimConflictException($"{table.Name} is locked");
        }
        if (!_lockedTables.TryGetValue(transaction, out var locked))
            _lockedTables.Add(transaction, locked = new HashSet<string>(StringComparer.Ordinal));
        locked.Add(table.Name);
    }

    /// <summary>Writes the commit record.</summary>
    /// <param name="transaction">What is committed; others see it as running until it is shown to them.</param>
    /// <param name="waitsForDisk">Whether it is on the disk when this returns. Otherwise a crash may take it back.</param>
    /// <returns>End of the record.</returns>
    public Lsn Commit(SimTransaction transaction, bool waitsForDisk)
    {
        var start = AppendRecord();
        var before = Commits.Count == 0 ? SourceState.Empty : Commits[^1].State;
        var commit = new SimCommit(
            transaction.Id, start, InsertPosition, Loop.Now / 10, transaction.Changes, transaction.Changes.Aggregate(before, (state, change) => change.ApplyTo(state)));
        Commits.Add(commit);
        Loop.Record("source", "commit", $"{commit.End} xid {commit.Id} {Describe(transaction.Changes)}");
        Committed?.Invoke(commit);
        if (transaction.Changes.Count > 0 && _layout.Chance(_lateCommits))
            Loop.Schedule(Loop.World, _layout.LogBetween(TimeSpan.FromMilliseconds(0.1), _latest), "show", () => Show(transaction));
        else
            Show(transaction);
        if (waitsForDisk)
            Flush();
        else
            Loop.Schedule(Loop.World, _layout.LogBetween(TimeSpan.FromMilliseconds(5), TimeSpan.FromMilliseconds(600)), "flush", Flush);
        return commit.End;
    }

    public void Release(SimTransaction transaction)
    {
        _open.Remove(transaction);
        _lockedTables.Remove(transaction);
    }

    private long BlockCount => (_versions / RowsPerBlock) + 1;

    /// <summary>Gives a table another file, with its rows in other places.</summary>
    private void Rewrite(string table)
    {
        _files[table] = _nextFile++;
        foreach (var (key, row) in State.Rows(table))
            State = State.With(table, key, Place(row));
        Loop.Record("source", "rewrite", table);
    }

    /// <summary>From now on others see what a transaction has done.</summary>
    private void Show(SimTransaction transaction)
    {
        if (!_open.Contains(transaction))
            return; // the server has been down since
        Release(transaction);
        State = transaction.Changes.Aggregate(State, (state, change) => change.ApplyTo(state));
        foreach (var truncated in transaction.Changes.Where(change => change.Kind == SimChangeKind.Truncate).SelectMany(change => change.Tables))
            _files[truncated.Name] = _nextFile++;
    }

    private async Task ConnectAsync(CancellationToken cancellationToken)
    {
        await Loop.Delay(Latency.Connect(_random), "connect", cancellationToken);
        if (IsDown)
            throw new BucketsException("TGB1101", "The source refused the connection.", "Wait until it is up again.");
    }

    private bool IsTableLocked(SimTransaction transaction, string table) =>
        _lockedTables.TryGetValue(transaction, out var locked) && locked.Contains(table);

    private static string Describe(IReadOnlyList<SimChange> changes) => string.Join(
        ", ",
        changes.Select(change => change.Kind switch
        {
            SimChangeKind.Message => $"message {change.Prefix}",
            SimChangeKind.Truncate => $"truncate {string.Join('+', change.Tables.Select(table => table.Name))}",
            _ => $"{change.Kind} {change.Tables[0].Name} {string.Join('|', (change.NewRow ?? change.OldRow)!.Values)}",
        }));
}

/// <summary>How long things take at the source.</summary>
internal sealed record SimSourceLatency(TimeSpan Low, TimeSpan High)
{
    public TimeSpan Connect(SimRandom random) => random.LogBetween(Low * 4, High * 4);

    public TimeSpan Query(SimRandom random) => random.LogBetween(Low, High);
}
