using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>What others want of the source while it is followed. Said by anybody, heeded at the next look into the catalogue.</summary>
internal sealed class SourceWishes(IReadOnlyList<TablePattern> tables)
{
    private readonly Lock _gate = new();
    private readonly List<(TablePattern Tables, string Reason)> _again = [];
    private volatile IReadOnlyList<TablePattern> _tables = tables;
    private volatile bool _isUrgent;

    /// <summary>The tables to replicate.</summary>
    public IReadOnlyList<TablePattern> Tables => _tables;

    public bool Uses(string schema, string table) => _tables.Any(pattern => pattern.Matches(schema, table));

    public void Follow(IReadOnlyList<TablePattern> tables)
    {
        _tables = tables;
        Hurry();
    }

    public void ReadAgain(TablePattern tables, string reason)
    {
        lock (_gate)
            _again.Add((tables, reason));
        Hurry();
    }

    /// <summary>Asks for a look at once.</summary>
    public void Hurry() => _isUrgent = true;

    /// <summary>Whether a look was asked for since this was asked last.</summary>
    public bool TakeHurry()
    {
        var isUrgent = _isUrgent;
        _isUrgent = false;
        return isUrgent;
    }

    /// <summary>Tables to read again, as asked for so far.</summary>
    public IReadOnlyList<(TablePattern Tables, string Reason)> Again
    {
        get
        {
            lock (_gate)
                return [.. _again];
        }
    }

    /// <summary>These have been seen to.</summary>
    public void Fulfil(IReadOnlyList<(TablePattern Tables, string Reason)> again)
    {
        lock (_gate)
            _again.RemoveAll(again.Contains);
    }
}
