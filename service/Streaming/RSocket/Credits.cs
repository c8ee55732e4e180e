namespace TopGun.Buckets.Streaming.RSocket;

/// <summary>How many lines a client is willing to take. Given by the connection's reader, taken by the stream.</summary>
internal sealed class Credits
{
    private readonly Lock _gate = new();
    private long _left;
    private TaskCompletionSource? _given;

    public void Give(uint count)
    {
        lock (_gate)
        {
            _left = Math.Min(_left + count, int.MaxValue); // as much as one request may ask for
            _given?.TrySetResult();
            _given = null;
        }
    }

    /// <summary>Takes one, and waits for it if there is none.</summary>
    public async ValueTask TakeAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Task given;
            lock (_gate)
            {
                if (_left > 0)
                {
                    _left--;
                    return;
                }
                _given ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                given = _given.Task;
            }
            await given.WaitAsync(cancellationToken);
        }
    }
}
