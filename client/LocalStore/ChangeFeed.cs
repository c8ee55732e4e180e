namespace TopGun.Buckets.Client.LocalStore;

/// <summary>Tells listeners what a commit changed. Called after the commit, outside the writer's slot.</summary>
/// <remarks>
/// It also counts: while as many commits have been announced as have begun, a reader that starts knows of every change that it may meet.
/// </remarks>
internal sealed class ChangeFeed
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Dictionary<string, List<Subscription>>> _pinned = new(StringComparer.OrdinalIgnoreCase);
    private Subscription[] _open = [];
    private long _begun;
    private long _announced;

    /// <summary>Commits that have begun.</summary>
    public long Begun => Interlocked.Read(ref _begun);

    /// <summary>Commits whose changes every listener has been told, or that failed.</summary>
    public long Announced => Interlocked.Read(ref _announced);

    /// <summary>A commit is about to begin; <see cref="Announce"/> follows, whatever becomes of it.</summary>
    public void Begin() => Interlocked.Increment(ref _begun);

    /// <summary>Ends what <see cref="Begin"/> began, and tells what it changed.</summary>
    /// <param name="changes">Null when nobody needs to know, or it failed.</param>
    public void Announce(ChangeSet? changes)
    {
        if (changes is not null)
            Publish(changes);
        Interlocked.Increment(ref _announced);
    }

    public Subscription Listen(Action<ChangeSet> listener)
    {
        var subscription = new Subscription(this, listener);
        lock (_gate)
            _open = [.. _open, subscription];
        return subscription;
    }

    public void Publish(ChangeSet changes)
    {
        if (changes.IsEmpty)
            return;
        foreach (var subscription in ConcernedBy(changes))
            subscription.Listener(changes);
    }

    private List<Subscription> ConcernedBy(ChangeSet changes)
    {
        lock (_gate)
        {
            var concerned = new List<Subscription>(_open);
            foreach (var (table, byId) in _pinned)
            {
                var change = changes.Schema ? TableChange.Anything : changes.Find(table);
                if (change is { Ids: { } ids })
                {
                    foreach (var id in ids)
                        concerned.AddRange(byId.GetValueOrDefault(id) ?? []);
                }
                else if (change is not null)
                {
                    foreach (var subscriptions in byId.Values)
                        concerned.AddRange(subscriptions);
                }
            }
            return concerned;
        }
    }

    private void Remove(Subscription subscription)
    {
        if (subscription.Pins is not { } pins)
        {
            _open = [.. _open.Where(other => other != subscription)];
            return;
        }
        var byId = _pinned[pins.Table];
        foreach (var id in pins.Ids)
        {
            byId[id].Remove(subscription);
            if (byId[id].Count == 0)
                byId.Remove(id);
        }
        if (byId.Count == 0)
            _pinned.Remove(pins.Table);
    }

    private void Add(Subscription subscription, RowPins pins)
    {
        if (!_pinned.TryGetValue(pins.Table, out var byId))
            _pinned[pins.Table] = byId = new Dictionary<string, List<Subscription>>(StringComparer.Ordinal);
        foreach (var id in pins.Ids)
        {
            if (!byId.TryGetValue(id, out var subscriptions))
                byId[id] = subscriptions = [];
            subscriptions.Add(subscription);
        }
    }

    /// <summary>One listener.</summary>
    public sealed class Subscription(ChangeFeed feed, Action<ChangeSet> listener) : IDisposable
    {
        private bool _over;

        public Action<ChangeSet> Listener => listener;

        public RowPins? Pins { get; private set; }

        /// <summary>
        /// From now on only changes of these rows are told, so that a commit costs nothing for those whom it does not concern. Null: all changes.
        /// </summary>
        public void Narrow(RowPins? pins)
        {
            lock (feed._gate)
            {
                if (_over || ReferenceEquals(pins, Pins))
                    return;
                feed.Remove(this);
                Pins = pins;
                if (pins is null)
                    feed._open = [.. feed._open, this];
                else
                    feed.Add(this, pins);
            }
        }

        public void Dispose()
        {
            lock (feed._gate)
            {
                if (!_over)
                    feed.Remove(this);
                _over = true;
            }
        }
    }
}

/// <summary>The only rows of one table that a query can read.</summary>
internal sealed record RowPins(string Table, IReadOnlySet<string> Ids);
