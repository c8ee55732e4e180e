using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>How far the stream is behind the source.</summary>
/// <remarks>
/// The stream tells what comes, and every ten seconds the source is asked how far it is; in between the lag is a lower bound. Written by the reader of
/// the stream and by what looks after the slot, read by anybody. For people and for alarms, never for logic.
/// </remarks>
public sealed class SourceLag(TimeProvider time)
{
    /// <summary>What Postgres counts its times from.</summary>
    public static readonly DateTimeOffset Epoch = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    // Where nothing is on the way the two still differ by what a page of WAL begins with, and by the byte by which positions are kept low.
    private const ulong NothingBytes = 64;

    private readonly Lock _gate = new();
    private ulong _heard;
    private ulong _reached;
    private long _committedAt; // microseconds since the epoch, 0 before the first transaction
    private long _behindSince; // ticks of UTC, 0 while the stream is not behind
    private long _heardAt; // ticks of UTC

    /// <summary>The furthest position of the source's WAL that is known of.</summary>
    public Lsn Heard => new(Volatile.Read(ref _heard));

    /// <summary>Everything up to here has come.</summary>
    public Lsn Reached => new(Volatile.Read(ref _reached));

    /// <summary>Bytes of WAL between the two.</summary>
    public ulong Bytes => Heard.Value - Math.Min(Reached.Value, Heard.Value) is var bytes and > NothingBytes ? bytes : 0;

    /// <summary>
    /// Age of what is shown: none while nothing is on the way. Otherwise the age of the last commit that came, by the source's clock, or the time since
    /// something has been on the way, whichever is less.
    /// </summary>
    public TimeSpan Delay
    {
        get
        {
            var behindSince = Volatile.Read(ref _behindSince);
            if (behindSince == 0)
                return TimeSpan.Zero;
            var now = time.GetUtcNow();
            var waiting = now - new DateTimeOffset(behindSince, TimeSpan.Zero);
            var committedAt = Volatile.Read(ref _committedAt);
            var age = committedAt == 0 ? waiting : now - Epoch.AddMicroseconds(committedAt);
            return TimeSpan.FromTicks(Math.Max(0, Math.Min(age.Ticks, waiting.Ticks)));
        }
    }

    /// <summary>Time since the source was last heard of; null before the first time.</summary>
    public TimeSpan? Silence => Volatile.Read(ref _heardAt) is var ticks and not 0 ? time.GetUtcNow() - new DateTimeOffset(ticks, TimeSpan.Zero) : null;

    /// <summary>A stream begins here, perhaps on another server.</summary>
    internal void Start(Lsn position)
    {
        lock (_gate)
        {
            Volatile.Write(ref _heard, position.Value);
            Volatile.Write(ref _reached, position.Value);
            Measure();
        }
    }

    internal void Hear(Lsn position)
    {
        lock (_gate)
        {
            Volatile.Write(ref _heardAt, time.GetUtcNow().UtcTicks);
            Volatile.Write(ref _heard, Math.Max(_heard, position.Value));
            Measure();
        }
    }

    internal void Reach(Lsn position, long? commitTimeMicroseconds = null)
    {
        lock (_gate)
        {
            if (commitTimeMicroseconds is { } committed)
                Volatile.Write(ref _committedAt, committed);
            Volatile.Write(ref _reached, Math.Max(_reached, position.Value));
            Measure();
        }
    }

    private void Measure()
    {
        if (Bytes == 0)
            Volatile.Write(ref _behindSince, 0);
        else if (_behindSince == 0)
            Volatile.Write(ref _behindSince, time.GetUtcNow().UtcTicks);
    }
}
