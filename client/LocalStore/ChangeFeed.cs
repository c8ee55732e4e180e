namespace TopGun.Buckets.Client.LocalStore;

/// <summary>Tells listeners what a commit changed. Called after the commit, outside the writer's slot.</summary>
internal sealed class ChangeFeed
{
    private readonly Lock _gate = new();
    private Action<ChangeSet>[] _listeners = [];

    public IDisposable Listen(Action<ChangeSet> listener)
    {
        lock (_gate)
            _listeners = [.. _listeners, listener];
        return new Subscription(this, listener);
    }

    public void Publish(ChangeSet changes)
    {
        if (changes.IsEmpty)
            return;
        foreach (var listener in Volatile.Read(ref _listeners))
            listener(changes);
    }

    private void Remove(Action<ChangeSet> listener)
    {
        lock (_gate)
        {
            var position = Array.IndexOf(_listeners, listener);
            if (position >= 0)
                _listeners = [.. _listeners[..position], .. _listeners[(position + 1)..]];
        }
    }

    private sealed class Subscription(ChangeFeed feed, Action<ChangeSet> listener) : IDisposable
    {
        public void Dispose() => feed.Remove(listener);
    }
}
