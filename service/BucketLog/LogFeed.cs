using TopGun.Buckets.Replication;

namespace TopGun.Buckets.BucketLog;

/// <summary>Feeds a log, one thing at a time: the events of the source as they come, and between them the work of deployments.</summary>
/// <param name="log">The opened log.</param>
/// <param name="time">The clock that both sides' shares are measured by.</param>
public sealed class LogFeed(BucketLogWriter log, TimeProvider time)
{
    private Task<bool>? _waiting; // the next event, while it is awaited together with work

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
            if (_waiting is not null)
                await _waiting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    private async Task FeedAsync(IAsyncEnumerator<SourceEvent> source, Action<bool>? taking, CancellationToken cancellationToken)
    {
        var next = source.MoveNextAsync();
        var worked = TimeSpan.Zero;
        var since = time.GetTimestamp();
        while (true)
        {
            var isReady = _waiting?.IsCompleted ?? next.IsCompleted;
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
                if (_waiting is null)
                {
                    _waiting = next.AsTask();
                    _ = PulseAfterAsync(_waiting);
                }
                await WaitAsync(_waiting, cancellationToken);
                continue;
            }
            var hasNext = _waiting is null ? await next : await _waiting;
            _waiting = null;
            if (!hasNext)
                return;
            taking?.Invoke(true);
            await log.AppendAsync(source.Current, cancellationToken);
            taking?.Invoke(false);
            next = source.MoveNextAsync();
        }
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
        await next.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        log.Work.Pulse();
    }
}
