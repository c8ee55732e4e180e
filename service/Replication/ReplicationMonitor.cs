using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>What replication is doing.</summary>
public enum ReplicationPhase
{
    /// <summary>Not connected yet, or connecting again.</summary>
    Connecting,

    /// <summary>Reading tables.</summary>
    Snapshot,

    /// <summary>Following the WAL.</summary>
    Streaming,

    /// <summary>The source cannot be used at the moment; it is tried again.</summary>
    Unavailable,

    /// <summary>Continuity is lost and the policy is to leave it to a person: what is visible gets older.</summary>
    Halted,
}

/// <summary>Where replication stands at one moment.</summary>
/// <param name="Phase">What it is doing.</param>
/// <param name="Since">Since when.</param>
/// <param name="Failure">Why the source is unavailable, or null.</param>
/// <param name="State">The state as of the last event, or null before the first.</param>
public sealed record ReplicationStatus(
    ReplicationPhase Phase, DateTimeOffset Since, BucketsException? Failure, ReplicationState? State)
{
    /// <summary>How far the snapshot is, while tables are read.</summary>
    public SnapshotProgress? Snapshot { get; init; }

    /// <summary>How much WAL the slot holds back, as of the last look at it.</summary>
    public SlotBudget? Slot { get; init; }
}

/// <summary>Shows what replication is doing to those who do not read its events: probes, the status page, write checkpoints.</summary>
/// <remarks>Written by the one reader of the source and by what works beside it, read by anybody.</remarks>
public sealed class ReplicationMonitor(TimeProvider time)
{
    private readonly Lock _gate = new();
    private volatile ReplicationStatus _current = new(ReplicationPhase.Connecting, time.GetUtcNow(), Failure: null, State: null);

    /// <summary>The latest status.</summary>
    public ReplicationStatus Current => _current;

    /// <summary>How far the stream is behind the source.</summary>
    public SourceLag Lag { get; } = new(time);

    /// <summary>The transactions that came last.</summary>
    public DeliveredTransactions Delivered { get; } = new(time);

    // A series of failed attempts is one outage: it began with the first.
    internal void Enter(ReplicationPhase phase, BucketsException? failure = null) => Change(before => before.Phase != phase
        ? before with { Phase = phase, Since = time.GetUtcNow(), Failure = failure }
        : before with { Failure = failure });

    /// <summary>Replication stands here now. In a process that only reads the store, the writer's state as it is stored.</summary>
    public void Note(ReplicationState state) => Change(before => before with { State = state });

    internal void Note(SnapshotProgress? snapshot) => Change(before => before with { Snapshot = snapshot });

    internal void Note(SlotBudget slot) => Change(before => before with { Slot = slot });

    private void Change(Func<ReplicationStatus, ReplicationStatus> change)
    {
        lock (_gate)
            _current = change(_current);
    }
}
