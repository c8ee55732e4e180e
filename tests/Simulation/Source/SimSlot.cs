using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Simulation.Loop;

namespace TopGun.Buckets.Tests.Simulation.Source;

/// <summary>A logical replication slot.</summary>
internal sealed class SimSlot(string name, Lsn consistentPoint)
{
    private Lsn _saved = consistentPoint;

    public string Name { get; } = name;

    public Lsn ConfirmedFlush { get; private set; } = consistentPoint;

    /// <summary>The walsender that streams from it.</summary>
    public SimReplicationLink? Link { get; set; }

    public void Confirm(Lsn flushed, SimRandom random)
    {
        if (flushed <= ConfirmedFlush)
            return;
        ConfirmedFlush = flushed;
        if (random.Chance(0.3))
            _saved = flushed;
    }

    /// <summary>After a crash of the server only what was saved counts.</summary>
    public void Restart(SimRandom random)
    {
        Link = null;
        if (random.Chance(0.5))
            ConfirmedFlush = _saved;
    }

    /// <summary>As a standby has it that was promoted at a position.</summary>
    public void FallBack(Lsn position)
    {
        Link = null;
        ConfirmedFlush = _saved < position ? _saved : position;
        _saved = ConfirmedFlush;
    }
}
