namespace TopGun.Buckets.Client.Sync;

/// <summary>Why a stream is over.</summary>
internal enum StreamEnd
{
    /// <summary>The service ended it.</summary>
    Ended,

    /// <summary>The token ended.</summary>
    TokenExpired,

    /// <summary>A new token is at hand.</summary>
    TokenRenewed,

    /// <summary>The app wants other streams.</summary>
    OtherStreams,

    /// <summary>Sums differed; the buckets are dropped.</summary>
    Mismatch,

    /// <summary>Nobody is signed in.</summary>
    NoCredentials,
}

/// <summary>How a stream ended.</summary>
internal sealed record StreamOutcome(StreamEnd End)
{
    /// <summary>Buckets whose sums differed.</summary>
    public IReadOnlyList<string> Mismatched { get; init; } = [];

    /// <summary>How often the worst of them has.</summary>
    public long MismatchRepeats { get; init; }
}
