using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Streams;

namespace TopGun.Buckets.Client.Sync;

/// <summary>What a batch of lines did, told after its commit.</summary>
internal sealed class ApplyResult
{
    /// <summary>Visible rows that changed.</summary>
    public ChangeSet Changed { get; } = new();

    /// <summary>Priority number that was published; <see cref="Publisher.FullSync"/> for everything.</summary>
    public int? Published { get; set; }

    /// <summary>Buckets that were dropped because their sums differed.</summary>
    public IReadOnlyList<string> Mismatched { get; set; } = [];

    /// <summary>How often the worst of them has failed.</summary>
    public long MismatchRepeats { get; set; }

    /// <summary>Whether a complete checkpoint could be shown, and if not, why; null when none was complete.</summary>
    public BlockedBy? BlockedBy { get; set; }

    /// <summary>What is known of the streams, when that has changed.</summary>
    public StreamReport? Streams { get; set; }

    /// <summary>Whether the app by now wants other streams than this connection asked for.</summary>
    public bool WantsOtherStreams { get; set; }

    /// <summary>Seconds the token still lasts, when the service said so.</summary>
    public int? TokenExpiresIn { get; set; }
}

/// <summary>Operations of the running checkpoint.</summary>
/// <param name="Downloaded">Received so far.</param>
/// <param name="Total">Expected altogether.</param>
public sealed record DownloadProgress(long Downloaded, long Total)
{
    /// <summary>Between 0 and 1.</summary>
    public double Fraction => Total == 0 ? 0 : Math.Min(1, (double)Downloaded / Total);
}
