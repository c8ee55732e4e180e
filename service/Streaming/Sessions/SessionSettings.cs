using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>Times and sizes of one session.</summary>
public sealed record SessionSettings
{
    /// <summary>Time between keepalive lines; whoever opens sessions spreads it by ±10 %.</summary>
    public TimeSpan Keepalive { get; init; } = TimeSpan.FromSeconds(20); // clients count 30 s without a line as a lost connection

    /// <summary>How long before the token's end the client is warned.</summary>
    public TimeSpan ExpiryWarning { get; init; } = TimeSpan.FromSeconds(20); // clients fetch a new token when 30 s or less are left

    /// <summary>After this the response begins even without a line, because HTTP clients limit the time to the headers.</summary>
    public TimeSpan HeaderDelay { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A client that takes nothing for this long is cut off.</summary>
    public TimeSpan WriteStall { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long a client that is ahead of the newest checkpoint is held until the source has been replayed that far. After a crash
    /// this is a matter of seconds; a client that is still ahead then comes from another store and has to begin anew.
    /// </summary>
    public TimeSpan ReplayWait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// For how long the source has been followed: <see cref="ReplayWait"/> does not run while it is not, as nothing is replayed then. Without it
    /// the source counts as followed.
    /// </summary>
    public Func<TimeSpan>? FollowedFor { get; init; }

    /// <summary>Told when a checkpoint that is news to the client has left for it, with the time at which it could be seen.</summary>
    public Action<ShownAt>? Sent { get; init; }

    /// <summary>Operations in one line.</summary>
    public int MaxOpsInLine { get; init; } = 1000;

    /// <summary>Bytes of rows in one line; a single larger row goes alone.</summary>
    public int MaxBytesInLine { get; init; } = 1 << 20;

    /// <summary>Operations that are sent at least before a newer checkpoint may take over, so that there is always progress.</summary>
    public int MinOpsBeforeCutOver { get; init; } = 1000;

    /// <summary>
    /// Lookups, records and buckets from which on a session remembers how one led to the other. Looking so few up again takes some tens of microseconds, and
    /// tens of thousands of sessions have fewer.
    /// </summary>
    public int FollowedFrom { get; init; } = 32;

    /// <summary>Whether the session ends with its first checkpoint, complete or cut off by <see cref="MaxOps"/>.</summary>
    public bool EndsWithCheckpoint { get; init; }

    /// <summary>A simulation's.</summary>
    public IFaultPoints? Faults { get; init; }

    /// <summary>Operations after which a session that ends with its first checkpoint ends without completing it.</summary>
    public int MaxOps { get; init; } = int.MaxValue;
}
