namespace TopGun.Buckets.Tests.Simulation.Loop;

/// <summary>Virtual time of one actor: jumps from event to event.</summary>
internal sealed class SimTime(SimActor actor) : TimeProvider
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override long GetTimestamp() => actor.Loop.Now;

    public override DateTimeOffset GetUtcNow() => Start.AddTicks(actor.Loop.Now);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new SimTimer(actor, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class SimTimer(SimActor actor, TimerCallback callback, object? state) : ITimer
    {
        private SimEvent? _next;
        private TimeSpan _period;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Cancel();
            _period = period;
            if (dueTime >= TimeSpan.Zero)
                _next = actor.Loop.Schedule(actor, dueTime, "timer", Fire);
            return true;
        }

        public void Dispose() => Cancel();

        public ValueTask DisposeAsync()
        {
            Cancel();
            return ValueTask.CompletedTask;
        }

        private void Fire()
        {
            // Armed before the call, because the callback may change or dispose the timer.
            _next = _period > TimeSpan.Zero ? actor.Loop.Schedule(actor, _period, "timer", Fire) : null;
            callback(state);
        }

        private void Cancel()
        {
            _next?.Cancel();
            _next = null;
        }
    }
}
