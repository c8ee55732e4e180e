namespace TopGun.Buckets.Client.LocalStore;

/// <summary>Tells listeners which tables a commit changed. Called after the commit, outside the writer's slot.</summary>
internal sealed class ChangeFeed
{
    private readonly Lock _gate = new();
    private readonly List<Action<IReadOnlySet<string>>> _listeners = [];

    public IDisposable Listen(Action<IReadOnlySet<string>> listener)
    {
        lock (_gate)
            _listeners.Add(listener);
        return new Subscription(this, listener);
    }

    public void Publish(IReadOnlySet<string> tables)
    {
        if (tables.Count == 0)
            return;
        Action<IReadOnlySet<string>>[] listeners;
        lock (_gate)
            listeners = [.. _listeners];
        foreach (var listener in listeners)
            listener(tables);
    }

    private void Remove(Action<IReadOnlySet<string>> listener)
    {
        lock (_gate)
            _listeners.Remove(listener);
    }

    private sealed class Subscription(ChangeFeed feed, Action<IReadOnlySet<string>> listener) : IDisposable
    {
        public void Dispose() => feed.Remove(listener);
    }
}
