namespace TopGun.Buckets.Streaming;

/// <summary>How clients are served. Bound from the <c>streaming</c> section.</summary>
public sealed class StreamingOptions
{
    /// <summary>Time between keepalive lines, spread by ±10 %. Default 20 s.</summary>
    public TimeSpan Keepalive { get; set; } = TimeSpan.FromSeconds(20); // clients count 30 s without a line as a lost connection

    /// <summary>A client that does not take what is ready for it within this time is cut off. Default 60 s.</summary>
    public TimeSpan WriteStall { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// A client whose system acknowledges nothing, or has no room for a single byte, for this long is gone. Default 35 s: with a keepalive's interval
    /// before it that is less than a minute.
    /// </summary>
    public TimeSpan LostAfter { get; set; } = TimeSpan.FromSeconds(35); // clients give up after 30 s

    /// <summary>The response begins after this time even if there is nothing to send. Default 5 s.</summary>
    public TimeSpan HeaderDelay { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a client that is ahead of the newest checkpoint is held until the source has been replayed that far. Default 60 s.</summary>
    public TimeSpan ReplayWait { get; set; } = TimeSpan.FromSeconds(60); // a killed service's slot may stay taken for as long

    /// <summary>Whether streams are compressed for clients that ask for it. A compressor takes about 270 KiB for each of them. Default yes.</summary>
    public bool Compress { get; set; } = true;

    /// <summary>Open streams at a time. Default 100 000.</summary>
    public int MaxSessions { get; set; } = 100_000; // about what a GiB of process memory holds idle

    /// <summary>Open streams of one user. Default 10 000: a load test with one token passes, and nobody can take all the places.</summary>
    public int MaxSessionsPerUser { get; set; } = 10_000;

    /// <summary>Open streams from one public address. Default 2 000: a large office, or a carrier's gateway.</summary>
    public int MaxSessionsPerAddress { get; set; } = 2000;

    /// <summary>
    /// By how many open connections may grow in a second; others wait in the system's queue. Default 100 for each processor: with all that it brings, a
    /// connection takes about a millisecond of one, and most of that memory stays. Everybody stands still while memory is collected, for 5 to 10 ms each time,
    /// which at this pace about doubles the time of the slowest change in a hundred.
    /// </summary>
    public int NewConnectionsPerSecond { get; set; } = 100 * Environment.ProcessorCount;

    /// <summary>Streams that may do the costly part of their beginning at the same time. Default four for each processor.</summary>
    public int MaxOpening { get; set; } = 4 * Environment.ProcessorCount; // some of them wait for the store

    /// <summary>Streams that may wait for it. Default 20 000.</summary>
    public int MaxWaiting { get; set; } = 20_000;

    /// <summary>Bytes of a request's body. Default 16 MiB: a client that names 100 000 buckets sends about 10 MiB.</summary>
    public long MaxRequestBytes { get; set; } = 16 << 20;

    /// <summary>
    /// Text of at least 32 characters that seals the cursors of <c>POST /sync</c>; nodes that stand in for each other need the same. Default: made of
    /// the secret for tokens, or, without one, new at each start.
    /// </summary>
    public string? CursorSecret { get; set; }

    /// <summary>The rules that are broken, one sentence each, naming the setting and its value.</summary>
    public IEnumerable<string> Problems()
    {
        if (Keepalive < TimeSpan.FromSeconds(1) || Keepalive > TimeSpan.FromSeconds(25))
            yield return $"streaming:Keepalive is {Keepalive}; it must be between 1 s and 25 s, or clients take the connection for lost.";
        if (WriteStall < TimeSpan.FromSeconds(1))
            yield return $"streaming:WriteStall is {WriteStall}; it must be at least 1 s.";
        if (LostAfter < TimeSpan.FromSeconds(1) || LostAfter > TimeSpan.FromDays(1))
            yield return $"streaming:LostAfter is {LostAfter}; it must be between 1 s and a day.";
        if (HeaderDelay <= TimeSpan.Zero)
            yield return $"streaming:HeaderDelay is {HeaderDelay}; it must be positive.";
        if (ReplayWait < TimeSpan.Zero)
            yield return $"streaming:ReplayWait is {ReplayWait}; it must not be negative.";
        if (MaxSessions < 1)
            yield return $"streaming:MaxSessions is {MaxSessions}; it must be at least 1.";
        if (MaxSessionsPerUser < 1)
            yield return $"streaming:MaxSessionsPerUser is {MaxSessionsPerUser}; it must be at least 1.";
        if (MaxSessionsPerAddress < 1)
            yield return $"streaming:MaxSessionsPerAddress is {MaxSessionsPerAddress}; it must be at least 1.";
        if (NewConnectionsPerSecond < 1)
            yield return $"streaming:NewConnectionsPerSecond is {NewConnectionsPerSecond}; it must be at least 1.";
        if (MaxOpening < 1)
            yield return $"streaming:MaxOpening is {MaxOpening}; it must be at least 1.";
        if (MaxWaiting < 1)
            yield return $"streaming:MaxWaiting is {MaxWaiting}; it must be at least 1.";
        if (CursorSecret is { Length: < 32 })
            yield return $"streaming:CursorSecret has {CursorSecret.Length} characters; it must have at least 32.";
        if (MaxRequestBytes is < 1 << 10 or > 1 << 30)
            yield return $"streaming:MaxRequestBytes is {MaxRequestBytes}; it must be between 1 KiB and 1 GiB.";
    }
}
