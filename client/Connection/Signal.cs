namespace TopGun.Buckets.Client.Connection;

/// <summary>Wakes one waiting loop. Set while nobody waits, it is remembered once.</summary>
internal sealed class Signal
{
    private readonly Lock _gate = new();
    private bool _set;
    private TaskCompletionSource? _waiter;

    public void Set()
    {
        TaskCompletionSource? waiter;
        lock (_gate)
        {
            _set = true;
            waiter = _waiter;
            _waiter = null;
        }
        waiter?.TrySetResult();
    }

    public void Reset()
    {
        lock (_gate)
            _set = false;
    }

    /// <returns>Whether it was set, rather than the time having passed.</returns>
    public async Task<bool> WaitAsync(TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        Task waiting;
        lock (_gate)
        {
            if (_set)
            {
                _set = false;
                return true;
            }
            _waiter ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            waiting = _waiter.Task;
        }
        try
        {
            await waiting.WaitAsync(timeout, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            return false;
        }
        lock (_gate)
            _set = false;
        return true;
    }
}
