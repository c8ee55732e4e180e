using TopGun.Buckets.BucketLog;

namespace TopGun.Buckets.Host;

/// <summary>What keeps the grid filled, for as long as the process lives.</summary>
internal interface IPump
{
    /// <summary>Called with the opened store before anybody is served, and whenever another process has changed the revocations in it.</summary>
    Func<IColdStorage, CancellationToken, ValueTask>? RevocationsChanged { get; set; }

    /// <summary>Throws what ended it, if anything did.</summary>
    void ThrowIfFailed();
}
