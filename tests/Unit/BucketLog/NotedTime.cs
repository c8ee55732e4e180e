using System.Threading.Channels;
using TopGun.Buckets.Tests.Unit.Streaming;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>A clock that stands still until it is moved, and tells which timers were set.</summary>
internal sealed class NotedTime : TimeProvider
{
    private readonly ManualTime _time = new();
    private readonly Channel<TimeSpan> _set = Channel.CreateUnbounded<TimeSpan>();
    private readonly List<TimeSpan> _seen = [];

    public override long TimestampFrequency => _time.TimestampFrequency;

    public void Advance(TimeSpan by) => _time.Advance(by);

    public override DateTimeOffset GetUtcNow() => _time.GetUtcNow();

    public override long GetTimestamp() => _time.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = _time.CreateTimer(callback, state, dueTime, period);
        _set.Writer.TryWrite(dueTime);
        return timer;
    }

    /// <summary>Waits until a timer of that length was set.</summary>
    public async Task SleepAsync(TimeSpan length)
    {
        do
            _seen.Add(await _set.Reader.ReadAsync(TestContext.Current.CancellationToken));
        while (_seen[^1] != length);
    }

    public int SleepCount(TimeSpan length)
    {
        while (_set.Reader.TryRead(out var next))
            _seen.Add(next);
        return _seen.Count(seen => seen == length);
    }
}
