using TopGun.Buckets.BucketLog.Writing;

namespace TopGun.Buckets.BucketLog.Compaction;

/// <summary>Counts what waits to be done or is being done, for those who wait until there is nothing.</summary>
/// <remarks>Whoever hands work on enters it before ending its own, so that there is never nothing in between.</remarks>
internal sealed class PendingWork(TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Signal _settled = new(time);
    private long _count;
    private bool _isClosed;

    public void Enter()
    {
        lock (_gate)
            _count++;
    }

    public void End(int count = 1)
    {
        lock (_gate)
            _count -= count;
        _settled.Pulse();
    }

    /// <summary>Nothing will be done any more.</summary>
    public void Close()
    {
        lock (_gate)
            _isClosed = true;
        _settled.Pulse();
    }

    /// <summary>Waits until there is nothing, or nothing will be done any more.</summary>
    public async ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var seen = _settled.Version;
            lock (_gate)
            {
                if (_count == 0 || _isClosed)
                    return;
            }
            await _settled.WaitAsync(seen, cancellationToken);
        }
    }
}
