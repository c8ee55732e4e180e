namespace TopGun.Buckets.Client.Connection;

/// <summary>Wakes one waiting loop. Set while nobody waits, it is remembered once.</summary>
internal sealed class Signal
{
    private readonly Lock _gate = new();
    private bool _set;
    private TaskCompletionSource<bool>? _waiter;

    public void Set()
    {
        TaskCompletionSource<bool>? waiter;
        lock (_gate)
        {
            waiter = _waiter;
            _waiter = null;
            _set = waiter is null;
        }
        waiter?.TrySetResult(true);
    }

    public void Reset()
    {
        lock (_gate)
            _set = false;
    }

    /// <summary>Waits until it is set, or was, or the time has passed. One caller at a time.</summary>
    /// <returns>Whether it was set, rather than the time having passed.</returns>
    public async Task<bool> WaitAsync(TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        TaskCompletionSource<bool> waiter;
        lock (_gate)
        {
            if (_set)
            {
                _set = false;
                return true;
            }
            // Task.WaitAsync would hop to a pool thread on the way, out of a simulation's reach.
            _waiter = waiter = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        await using var timer = time.CreateTimer(_ => GiveUp(waiter), null, timeout, Timeout.InfiniteTimeSpan);
        using var registration = cancellationToken.Register(() =>
        {
            if (Withdraw(waiter))
                waiter.TrySetCanceled(cancellationToken);
        });
        return await waiter.Task;
    }

    private void GiveUp(TaskCompletionSource<bool> waiter)
    {
        if (Withdraw(waiter))
            waiter.TrySetResult(false);
    }

    private bool Withdraw(TaskCompletionSource<bool> waiter)
    {
        lock (_gate)
        {
            if (_waiter != waiter)
                return false;
            _waiter = null;
            return true;
        }
    }
}
