using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog.Writing;

/// <summary>Knows whether everything has come again that an earlier process may have shown before it was durable.</summary>
/// <remarks>
/// Until then the next op ids are taken: what had them is evaluated again, and has to get them again. So whatever the log does by itself waits for this.
/// </remarks>
/// <param name="ask">Asks the source how far it is, and makes the stream tell when it is there; null leaves the gate closed until the op ids are used up.</param>
/// <param name="changed">Told when there is an answer.</param>
internal sealed class ReplayGate(Func<CancellationToken, Task<Lsn>>? ask, Action changed) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stopping = new();
    private Task _asking = Task.CompletedTask;
    private OpId _shown; // an earlier process may have shown operations up to here
    private Lsn? _end; // where the source was after that
    private Lsn _delivered; // proof that the source is the one that was followed before
    private bool _isDisposed;

    /// <summary>Begins to ask, unless all that was shown is durable.</summary>
    public void Start(OpId durable, OpId shown)
    {
        _shown = shown;
        if (!IsOpen(durable) && ask is not null)
            _asking = AskAsync(ask, _stopping.Token);
    }

    /// <summary>The source has delivered everything up to a position.</summary>
    public void Deliver(Lsn position) => _delivered = position;

    /// <summary>Whether the op ids after this one are free.</summary>
    public bool IsOpen(OpId last)
    {
        if (last >= _shown)
            return true;
        lock (_gate)
            return _end is { } end && _delivered >= end;
    }

    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        _stopping.Cancel();
        await _asking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        _stopping.Dispose();
    }

    private async Task AskAsync(Func<CancellationToken, Task<Lsn>> source, CancellationToken cancellationToken)
    {
        var end = await source(cancellationToken);
        lock (_gate)
            _end = end;
        changed();
    }
}
