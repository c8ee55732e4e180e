using Microsoft.Extensions.Options;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>Knows the times and sizes of each kind of session.</summary>
internal sealed class SessionForms(IServiceProbe probe, StreamingMetrics metrics, IOptions<StreamingOptions> options, Random random)
{
    private const int Spread = 64;
    private const int DefaultMaxOps = 10_000; // some megabytes: a second's worth for a slow device
    private static readonly TimeSpan Never = TimeSpan.FromDays(36500);

    // Spread, or a storm of reconnects would come back as a storm of keepalives. The same few for all sessions, of which there are many.
    private readonly SessionSettings[] _streams =
    [
        .. Enumerable.Range(0, Spread).Select(step => Common(probe, metrics, options.Value) with
        {
            Keepalive = options.Value.Keepalive * (0.9 + (0.2 * step / (Spread - 1))),
        }),
    ];

    private readonly SessionSettings _quiet = Common(probe, metrics, options.Value);

    public SessionSettings SettingsOf(SessionForm form, SyncRequest request) => form switch
    {
        SessionForm.Stream => _streams[random.Next(Spread)],
        SessionForm.QuietStream => _quiet,
        _ => _quiet with { EndsWithCheckpoint = true, MaxOps = request.MaxOps ?? DefaultMaxOps },
    };

    private static SessionSettings Common(IServiceProbe probe, StreamingMetrics metrics, StreamingOptions options) => new()
    {
        Keepalive = Never,
        HeaderDelay = options.HeaderDelay,
        WriteStall = options.WriteStall,
        ReplayWait = options.ReplayWait,
        FollowedFor = () => probe.FollowedFor,
        Sent = metrics.Sent,
    };
}

/// <summary>Kinds of sessions.</summary>
internal enum SessionForm
{
    /// <summary>A stream whose lines keep the connection alive.</summary>
    Stream,

    /// <summary>A stream whose connection is kept alive by other means.</summary>
    QuietStream,

    /// <summary>One checkpoint, and then the end.</summary>
    Answer,
}
