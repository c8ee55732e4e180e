using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>Which tables are wanted: told by the rules, which may change, and looked at by each connection when it begins.</summary>
/// <remarks>Changed by anybody, read by the replication.</remarks>
internal sealed class WantedTables(IReadOnlyList<TablePattern> tables)
{
    private readonly Lock _gate = new();
    private List<IReadOnlyList<TablePattern>> _since = [tables]; // all that were wanted since the last connection began, the newest last
    private Action? _changed;

    /// <summary>The tables that are wanted now.</summary>
    public IReadOnlyList<TablePattern> Current
    {
        get
        {
            lock (_gate)
                return _since[^1];
        }
    }

    public void Change(IReadOnlyList<TablePattern> wanted)
    {
        lock (_gate)
        {
            _since.Add(wanted);
            _changed?.Invoke(); // inside, so that nobody is called who does not watch any more
        }
    }

    /// <summary>What a connection that begins has to follow. A table that was given up in between counts as unknown, though it may be wanted again.</summary>
    public WantedSince Take()
    {
        lock (_gate)
        {
            var taken = _since;
            _since = [taken[^1]];
            return new WantedSince(taken);
        }
    }

    /// <summary>Calls back when other tables are wanted than were taken last, at once if they are already.</summary>
    public void Watch(Action changed)
    {
        lock (_gate)
        {
            _changed = changed;
            if (_since.Count > 1)
                changed();
        }
    }

    public void Unwatch()
    {
        lock (_gate)
            _changed = null;
    }
}

/// <summary>Lists of tables that were wanted one after the other.</summary>
internal sealed class WantedSince(IReadOnlyList<IReadOnlyList<TablePattern>> lists)
{
    /// <summary>The newest.</summary>
    public IReadOnlyList<TablePattern> Tables => lists[^1];

    /// <summary>Whether the table was wanted all the time.</summary>
    public bool Keeps(TableProgress table) =>
        lists.All(list => list.Any(pattern => pattern.Schema == table.Schema && pattern.MatchesName(table.Name)));
}
