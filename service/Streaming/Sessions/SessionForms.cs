using Microsoft.Extensions.Options;
using TopGun.Buckets.Grid;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>Knows the times and sizes of each kind of session.</summary>
internal sealed class SessionForms(IServiceProbe probe, StreamingMetrics metrics, IOptions<StreamingOptions> options, Random random)
{
    private const int DefaultMaxOps = 10_000; // some megabytes: a second's worth for a slow device
    private static readonly TimeSpan Never = TimeSpan.FromDays(36500);

    // The same for all sessions, of which there are many.
    private readonly Func<TimeSpan> _followedFor = () => probe.FollowedFor;
    private readonly Action<ShownAt> _sent = metrics.Sent;

    public SessionSettings SettingsOf(SessionForm form, SyncRequest request) => new()
    {
        // Spread, or a storm of reconnects would come back as a storm of keepalives.
        Keepalive = form == SessionForm.Stream ? options.Value.Keepalive * (0.9 + (0.2 * random.NextDouble())) : Never,
        HeaderDelay = options.Value.HeaderDelay,
        WriteStall = options.Value.WriteStall,
        ReplayWait = options.Value.ReplayWait,
        FollowedFor = _followedFor,
        Sent = _sent,
        EndsWithCheckpoint = form == SessionForm.Answer,
        MaxOps = form == SessionForm.Answer ? request.MaxOps ?? DefaultMaxOps : int.MaxValue,
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
