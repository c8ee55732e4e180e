namespace TopGun.Buckets.Streaming;

/// <summary>What the probes report. Provided by the host.</summary>
public interface IServiceProbe
{
    /// <summary>Whether the store and the grid are open.</summary>
    bool IsStarted { get; }

    /// <summary>Whether clients can be served.</summary>
    bool IsReady { get; }

    /// <summary>
    /// For how long the source's WAL has been followed without a break; zero while it is not. What was shown before a crash comes back only then.
    /// </summary>
    TimeSpan FollowedFor { get; }

    /// <summary>When the replication loop last went round.</summary>
    DateTimeOffset TouchedAt { get; }
}
