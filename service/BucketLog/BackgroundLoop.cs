namespace TopGun.Buckets.BucketLog;

/// <summary>Work that goes on beside everything else until it is disposed.</summary>
/// <param name="work">The work; it ends by cancellation only.</param>
/// <param name="stopped">Told of a defect that ended it.</param>
internal sealed class BackgroundLoop(Func<CancellationToken, Task> work, Action<Exception> stopped) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private Task _run = Task.CompletedTask;
    private bool _isDisposed;

    public void Start() => _run = RunAsync(_stopping.Token);

    /// <summary>Waits until the work has noticed that it is to end.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        _stopping.Cancel();
        await _run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext); // it is in the log
        _stopping.Dispose();
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            await work(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // As it was asked to.
        }
        catch (LogStoppedException)
        {
            // Whoever appends is told.
        }
        catch (Exception failure)
        {
            stopped(failure);
            throw;
        }
    }
}
