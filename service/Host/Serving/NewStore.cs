using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Host;

/// <summary>Where the op ids of a new store begin.</summary>
/// <remarks>
/// Clients may hold what an earlier store of the same service gave them, of which a new one knows nothing. Its op ids go on above theirs, so a client is
/// given a clear and then the whole of each bucket, and no number means two things. The clock grows faster than any log: a million for each second.
/// </remarks>
internal static class NewStore
{
    private const int PerSecond = 20; // as a power of two

    private static readonly DateTimeOffset Beginning = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static OpId OpIdAbove(DateTimeOffset now) => now > Beginning ? new OpId((ulong)(now - Beginning).TotalSeconds << PerSecond) : OpId.None;
}
