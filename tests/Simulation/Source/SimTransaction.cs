using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Tests.Simulation.Source;

/// <summary>An open transaction: its changes are in the WAL as they are made, between those of others, and count once it commits.</summary>
/// <remarks>Read committed with row locks; meeting a lock of another transaction fails at once, and the caller rolls back.</remarks>
internal sealed class SimTransaction(SimPostgres server, uint id)
{
    private readonly List<SimChange> _changes = [];
    private readonly HashSet<string> _locks = new(StringComparer.Ordinal);
    private SourceState? _base; // what the changes were applied to last
    private SourceState _state = SourceState.Empty;
    private int _applied;

    public uint Id { get; } = id;

    public bool IsOpen { get; private set; } = true;

    /// <summary>Whether its commit record is written.</summary>
    public bool IsCommitted { get; private set; }

    /// <summary>Whether it waits to be committed, whatever becomes of its session and of the server.</summary>
    public bool IsPrepared { get; private set; }

    public IReadOnlyList<SimChange> Changes => _changes;

    /// <summary>What the transaction sees: everything committed by now, and its own changes on top.</summary>
    public SourceState State
    {
        get
        {
            if (!ReferenceEquals(_base, server.State))
                (_base, _state, _applied) = (server.State, server.State, 0);
            for (; _applied < _changes.Count; _applied++)
                _state = _changes[_applied].ApplyTo(_state);
            return _state;
        }
    }

    public void Insert(SimTable table, SimRow row)
    {
        Lock(table, table.KeyOf(row));
        if (State.Rows(table.Name).ContainsKey(table.KeyOf(row)))
            throw new SimConflictException($"duplicate key in {table.Name}");
        Add(SimChangeKind.Insert, [table], oldRow: null, row);
    }

    public void Update(SimTable table, string key, Func<SimRow, SimRow> change)
    {
        Lock(table, key);
        var oldRow = State.Rows(table.Name).GetValueOrDefault(key);
        if (oldRow is null)
            return;
        var newRow = change(oldRow);
        if (table.KeyOf(newRow) != key)
        {
            Lock(table, table.KeyOf(newRow));
            if (State.Rows(table.Name).ContainsKey(table.KeyOf(newRow)))
                throw new SimConflictException($"duplicate key in {table.Name}");
        }
        Add(SimChangeKind.Update, [table], oldRow, newRow);
    }

    public void Delete(SimTable table, string key)
    {
        Lock(table, key);
        if (State.Rows(table.Name).GetValueOrDefault(key) is { } oldRow)
            Add(SimChangeKind.Delete, [table], oldRow, newRow: null);
    }

    public void Truncate(params SimTable[] tables)
    {
        foreach (var table in tables)
            server.LockTable(this, table);
        Add(SimChangeKind.Truncate, tables, oldRow: null, newRow: null);
    }

    public void Message(string prefix, byte[] content) =>
        _changes.Add(SimChange.OfMessage(server.AppendRecord(), prefix, content));

    /// <summary>A point that what follows can be taken back to.</summary>
    public int Savepoint() => _changes.Count;

    /// <summary>Takes back what was done since. It stays in the log, and no decoding shows it.</summary>
    public void RollbackTo(int savepoint)
    {
        _changes.RemoveRange(savepoint, _changes.Count - savepoint);
        _base = null;
    }

    /// <summary>The first half of a commit in two phases.</summary>
    public void Prepare()
    {
        server.AppendRecord();
        IsPrepared = true;
    }

    /// <summary>Writes the commit record. The changes become visible with it or a little later, all at once.</summary>
    /// <returns>End of the commit record.</returns>
    public Lsn Commit(bool waitsForDisk = true)
    {
        IsOpen = false;
        IsCommitted = true;
        return server.Commit(this, waitsForDisk);
    }

    public void Rollback()
    {
        IsOpen = false;
        server.Release(this);
    }

    public bool HoldsAny(string table) =>
        _locks.Any(name => name.StartsWith(table + "/", StringComparison.Ordinal));

    public bool Holds(string lockName) => _locks.Contains(lockName);

    private void Lock(SimTable table, string key)
    {
        var name = $"{table.Name}/{key}";
        if (_locks.Contains(name))
            return;
        server.LockRow(this, table, name);
        _locks.Add(name);
    }

    private void Add(SimChangeKind kind, IReadOnlyList<SimTable> tables, SimRow? oldRow, SimRow? newRow) =>
        _changes.Add(new SimChange(server.AppendRecord(), kind, tables, oldRow, newRow is null ? null : server.Place(newRow)));
}

/// <summary>Two transactions want the same row; the one that comes second gives up.</summary>
internal sealed class SimConflictException(string message) : Exception(message);
