using TopGun.Buckets.Client.Sync;

namespace TopGun.Buckets.Client;

/// <summary>What is known of one stream with its parameters. What speaks of its rows survives restarts.</summary>
/// <param name="Name">Name in the service's rules.</param>
/// <param name="Parameters">The subscription's parameters as JSON with sorted members; null for none.</param>
public sealed record StreamStatus(string Name, string? Parameters)
{
    /// <summary>Whether the service gives it to everybody without being asked.</summary>
    public bool IsDefault { get; init; }

    /// <summary>Whether the app subscribed to it.</summary>
    public bool IsExplicit { get; init; }

    /// <summary>Whether the service serves it, as far as it last said.</summary>
    public bool IsActive { get; init; }

    /// <summary>How long a subscription stays after its last handle; <see cref="Timeout.InfiniteTimeSpan"/> for ever, null without subscription.</summary>
    public TimeSpan? TimeToLive { get; init; }

    /// <summary>When the subscription ends unless it is used again: moves on while it has a handle and the client is connected.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>When its rows were last in step with the service.</summary>
    public DateTimeOffset? LastSyncedAt { get; init; }

    /// <summary>Whether its rows were in step at least once.</summary>
    public bool HasSynced => LastSyncedAt is not null;

    /// <summary>Priority number of the last of its rows to arrive, of the present connection; null while it has none.</summary>
    public int? Priority { get; init; }

    /// <summary>Its operations in the checkpoint that is being downloaded; null between checkpoints, and while there are none.</summary>
    public DownloadProgress? Download { get; init; }

    /// <summary>Why the service cannot serve it, in a sentence; null when it can.</summary>
    public string? Error { get; init; }
}
