namespace TopGun.Buckets.BucketLog.Writing;

/// <summary>Wakes everybody who waits. Take <see cref="Version"/> first, then look at the condition, then wait for a pulse after that version.</summary>
/// <remarks>
/// Waits are awaited as they are, never combined: <c>Task.WhenAny</c> and <c>Task.WaitAsync</c> would go on from a pool thread, outside of the caller's
/// synchronization context.
/// </remarks>
internal sealed class Signal(TimeProvider time)
{
    private readonly Lock _gate = new();
    private List<TaskCompletionSource> _waiting = [];
    private long _version;

    public long Version
    {
        get
        {
            lock (_gate)
                return _version;
        }
    }

    public void Pulse()
    {
        List<TaskCompletionSource> woken;
        lock (_gate)
        {
            _version++;
            if (_waiting.Count == 0)
                return;
            woken = _waiting;
            _waiting = [];
        }
        foreach (var waiter in woken)
            waiter.TrySetResult();
    }

    /// <summary>Waits for a pulse after <paramref name="seen"/>.</summary>
    public async ValueTask WaitAsync(long seen, CancellationToken cancellationToken)
    {
        if (Enter(seen) is not { } waiter)
            return;
        await using var registration = cancellationToken.UnsafeRegister(Cancel, waiter);
        await waiter.Task;
    }

    /// <summary>Waits for a pulse after <paramref name="seen"/>, or for some time.</summary>
    public async ValueTask WaitAsync(long seen, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (Enter(seen) is not { } waiter)
            return;
        await using var registration = cancellationToken.UnsafeRegister(Cancel, waiter);
        await using var timer = time.CreateTimer(Complete, waiter, timeout, Timeout.InfiniteTimeSpan);
        await waiter.Task;
    }

    private TaskCompletionSource? Enter(long seen)
    {
        lock (_gate)
        {
            if (_version != seen)
                return null;
            _waiting.RemoveAll(waiter => waiter.Task.IsCompleted); // those that gave up
            var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add(waiter);
            return waiter;
        }
    }

    private static void Complete(object? waiter) => ((TaskCompletionSource)waiter!).TrySetResult();

    private static void Cancel(object? waiter, CancellationToken cancellationToken) =>
        ((TaskCompletionSource)waiter!).TrySetCanceled(cancellationToken);
}
