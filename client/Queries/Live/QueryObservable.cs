namespace TopGun.Buckets.Client.Queries.Live;

/// <summary>A live query as an observable: every subscriber has a run of its own, which ends with the subscription.</summary>
internal sealed class QueryObservable<T>(Func<CancellationToken, IAsyncEnumerable<T>> follow) : IObservable<T>
{
    public IDisposable Subscribe(IObserver<T> observer)
    {
        var subscription = new Subscription();
        _ = Task.Run(() => FeedAsync(observer, subscription.Token));
        return subscription;
    }

    private async Task FeedAsync(IObserver<T> observer, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var result in follow(cancellationToken))
                observer.OnNext(result);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return; // whoever has unsubscribed hears nothing more
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            observer.OnError(exception);
            return;
        }
        observer.OnCompleted();
    }

    private sealed class Subscription : IDisposable
    {
        private readonly CancellationTokenSource _over = new();

        public CancellationToken Token => _over.Token;

        public void Dispose() => _over.Cancel();
    }
}
