using TopGun.Buckets.Replication;

namespace TopGun.Buckets.BucketLog;

/// <summary>Feeds a log, one thing at a time: the events of the source as they come, and between them the work of deployments.</summary>
/// <param name="log">The opened log.</param>
/// <param name="time">The clock that both sides' shares are measured by.</param>
public sealed class LogFeed(BucketLogWriter log, TimeProvider time)
{
    private Task<bool> _next = Task.FromResult(false); // whether there is another event

    /// <summary>Runs until the events end, or something fails.</summary>
    /// <param name="events">From the source.</param>
    /// <param name="taking">Told when an event is about to be taken in, and when it was.</param>
    /// <param name="cancellationToken">Stops between two events.</param>
    public async Task RunAsync(IAsyncEnumerable<SourceEvent> events, Action<bool>? taking, CancellationToken cancellationToken)
    {
        try
        {
            await FeedAsync(events, taking, cancellationToken);
            log.AbandonDeployments(new ObjectDisposedException(nameof(BucketLogWriter)));
        }
        catch (Exception failure)
        {
            log.AbandonDeployments(failure);
            throw;
        }
    }

    private async Task FeedAsync(IAsyncEnumerable<SourceEvent> events, Action<bool>? taking, CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await using var source = events.GetAsyncEnumerator(ending.Token);
        try
        {
            await FeedAsync(source, taking, cancellationToken);
        }
        finally
        {
            ending.Cancel();
            await EndAsync(_next); // or the events could not be disposed of
        }
    }

    private async Task FeedAsync(IAsyncEnumerator<SourceEvent> source, Action<bool>? taking, CancellationToken cancellationToken)
    {
        _next = NextAsync(source);
        var worked = TimeSpan.Zero;
        var since = time.GetTimestamp();
        while (true)
        {
            var isReady = _next.IsCompleted;
            // While both have something to do, each has half of the time.
            if (log.WorkDelay == TimeSpan.Zero && (!isReady || time.GetElapsedTime(since) >= worked))
            {
                var start = time.GetTimestamp();
                await log.WorkAsync(cancellationToken);
                worked = time.GetElapsedTime(start);
                since = time.GetTimestamp();
                cancellationToken.ThrowIfCancellationRequested();
                continue;
            }
            if (!isReady)
            {
                await WaitAsync(_next, cancellationToken);
                continue;
            }
            if (!await _next)
                return;
            taking?.Invoke(true);
            await log.AppendAsync(source.Current, cancellationToken);
            taking?.Invoke(false);
            _next = NextAsync(source);
        }
    }

    private Task<bool> NextAsync(IAsyncEnumerator<SourceEvent> source)
    {
        var next = source.MoveNextAsync().AsTask();
        if (!next.IsCompleted)
            _ = PulseAfterAsync(next);
        return next;
    }

    /// <summary>Waits for the next event or for work, whichever comes first.</summary>
    private async ValueTask WaitAsync(Task<bool> next, CancellationToken cancellationToken)
    {
        var seen = log.Work.Version;
        var delay = log.WorkDelay;
        if (next.IsCompleted || delay == TimeSpan.Zero)
            return;
        if (delay is null)
            await log.Work.WaitAsync(seen, cancellationToken);
        else
            await log.Work.WaitAsync(seen, delay.Value, cancellationToken);
    }

    private async Task PulseAfterAsync(Task next)
    {
        await EndAsync(next);
        log.Work.Pulse();
    }

    private static async Task EndAsync(Task task) =>
        await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
}
