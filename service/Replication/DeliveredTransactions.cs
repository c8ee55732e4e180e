namespace TopGun.Buckets.Replication;

/// <summary>
/// Ids of the transactions that came through the stream last. One may come a moment before the server shows it to others, or long before when a standby has
/// to confirm it: whoever reads a table that has to hold its changes waits for that.
/// </summary>
/// <remarks>Written by the one reader of the stream, asked by anybody.</remarks>
public sealed class DeliveredTransactions(TimeProvider time)
{
    private const int Capacity = 1 << 14; // seconds of a busy source
    private static readonly TimeSpan SettleDelay = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan SlowAfter = TimeSpan.FromSeconds(10); // a commit that takes longer waits for a standby

    private readonly Lock _gate = new();
    private readonly uint[] _ids = new uint[Capacity];
    private long _count;

    internal void Add(uint id)
    {
        lock (_gate)
            _ids[_count++ % Capacity] = id;
    }

    /// <summary>Waits until the server shows to others all that has been delivered.</summary>
    /// <param name="session">Asks the server.</param>
    /// <param name="isSlow">Called once if that takes long.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask SettleAsync(ISourceSession session, Action isSlow, CancellationToken cancellationToken)
    {
        HashSet<uint> delivered;
        lock (_gate)
            delivered = [.. _ids.AsSpan(0, (int)Math.Min(_count, Capacity))];
        return SettleAsync(session, delivered, time, isSlow, cancellationToken);
    }

    /// <summary>Waits until none of some transactions is running to others.</summary>
    internal static async ValueTask SettleAsync(
        ISourceSession session, IReadOnlySet<uint> transactions, TimeProvider time, Action? isSlow, CancellationToken cancellationToken)
    {
        var since = time.GetTimestamp();
        while (transactions.Overlaps(await session.ReadRunningAsync(cancellationToken)))
        {
            if (isSlow is not null && time.GetElapsedTime(since) > SlowAfter)
            {
                isSlow();
                isSlow = null;
            }
            await Task.Delay(SettleDelay, time, cancellationToken);
        }
    }
}
