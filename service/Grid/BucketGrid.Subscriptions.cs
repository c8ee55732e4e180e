using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Grid;

// Who watches what.
public sealed partial class BucketGrid
{
    private const int WatchesPerLock = 1024; // tens of microseconds

    private readonly HashSet<GridSubscription> _subscriptions = [];
    private readonly Dictionary<string, HashSet<GridSubscription>> _lookupWatchers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<GridSubscription>> _userSubscriptions = new(StringComparer.Ordinal);

    /// <summary>Begins a session's view of the grid.</summary>
    /// <param name="userKey">User and client, for write checkpoints: <c>sub</c>, or <c>sub/client_id</c>.</param>
    public GridSubscription Subscribe(string userKey)
    {
        lock (_gate)
        {
            var subscription = new GridSubscription(this, userKey, _generation) { IsDirty = _visible is not null };
            _subscriptions.Add(subscription);
            if (!_userSubscriptions.TryGetValue(userKey, out var sameUser))
                _userSubscriptions.Add(userKey, sameUser = new List<GridSubscription>(1));
            subscription.IndexInUser = sameUser.Count;
            sameUser.Add(subscription);
            if (_visible is null)
                MarkBehind(subscription);
            return subscription;
        }
    }

    internal bool HasUpdate(GridSubscription subscription)
    {
        lock (_gate)
            return subscription.IsDirty || subscription.IsEnded;
    }

    internal bool HasLookupUpdate(GridSubscription subscription)
    {
        lock (_gate)
            return subscription.IsEnded || (subscription.IsDirty && (subscription.HasLookupChange || subscription.Rules != _visible?.Rules));
    }

    internal bool IsWaiting(GridSubscription subscription)
    {
        lock (_gate)
            return subscription.IsWaitedFor;
    }

    internal ValueTask WaitAsync(GridSubscription subscription)
    {
        lock (_gate)
        {
            ThrowIfEnded(subscription);
            if (subscription.IsDirty || subscription.IsWoken)
            {
                subscription.IsWoken = false;
                return ValueTask.CompletedTask;
            }
            subscription.IsWaitedFor = true;
            return subscription.BeginWait();
        }
    }

    internal void Wake(GridSubscription subscription)
    {
        bool isWaitedFor;
        lock (_gate)
        {
            isWaitedFor = subscription.IsWaitedFor;
            subscription.IsWaitedFor = false;
            subscription.IsWoken = !isWaitedFor;
        }
        if (isWaitedFor)
            subscription.EndWait();
    }

    internal void WakeOnNextCheckpoint(GridSubscription subscription)
    {
        lock (_gate)
            MarkBehind(subscription);
    }

    internal GridUpdate? Take(GridSubscription subscription, List<BucketWatch> changed)
    {
        lock (_gate)
        {
            ThrowIfEnded(subscription);
            changed.Clear();
            if (_visible is not { } visible)
                return null;

            var kept = 0;
            for (var index = 0; index < subscription.Changed.Count; index++)
            {
                var watch = subscription.Changed[index];
                changed.Add(watch);
                // The change that this mark stands for may lie beyond what is visible.
                watch.IsChanged = _directory.Find(watch.Bucket).LastOpId > visible.LastOpId;
                if (watch.IsChanged)
                    subscription.Changed[kept++] = watch;
            }
            subscription.Changed.RemoveRange(kept, subscription.Changed.Count - kept);

            var lookupsChanged = subscription.HasLookupChange;
            subscription.HasLookupChange = subscription.LookupsChangedAt > visible.LastOpId;
            subscription.IsDirty = false;
            if (kept > 0 || subscription.HasLookupChange)
                MarkBehind(subscription);

            ReleasePin(subscription);
            subscription.Pin = _pins.Take(visible.LastOpId);
            subscription.Rules = visible.Rules;
            return new GridUpdate(
                visible.LastOpId, _writeCheckpoints.TryGetValue(subscription.UserKey, out var id) ? id : null, lookupsChanged)
            {
                Lookups = lookupsChanged ? subscription.LookupDeltas.TakeUpTo(visible.LastOpId) : [],
                Shown = _shown,
                Rules = visible.Rules,
            };
        }
    }

    internal IReadOnlyList<ReadOnlyMemory<byte>> Lookup(GridSubscription subscription, string key)
    {
        lock (_gate)
        {
            ThrowIfEnded(subscription);
            if (subscription.Pin is not { } pin)
                throw new InvalidOperationException("No checkpoint is taken.");
            var records = new List<ReadOnlyMemory<byte>>();
            _parameters.Find(key, pin.OpId, records);
            return records;
        }
    }

    internal void Release(GridSubscription subscription)
    {
        lock (_gate)
            ReleasePin(subscription);
    }

    internal void Watch(GridSubscription subscription, IReadOnlyList<BucketWatch> watches, OpId asOf)
    {
        for (var first = 0; first < watches.Count; first += WatchesPerLock)
        {
            lock (_gate)
            {
                ThrowIfEnded(subscription);
                for (var index = first; index < Math.Min(watches.Count, first + WatchesPerLock); index++)
                {
                    var watch = watches[index];
                    watch.Subscription = subscription;
                    EntryOf(watch.Bucket).Add(watch);
                    if (_directory.Find(watch.Bucket).LastOpId > asOf)
                    {
                        Mark(watch);
                        subscription.IsDirty |= _visible is { } visible && visible.LastOpId > asOf;
                    }
                }
            }
        }
    }

    internal void Unwatch(GridSubscription subscription, IReadOnlyList<BucketWatch> watches)
    {
        for (var first = 0; first < watches.Count; first += WatchesPerLock)
        {
            lock (_gate)
            {
                for (var index = first; index < Math.Min(watches.Count, first + WatchesPerLock); index++)
                {
                    if (watches[index].Entry is not { } entry)
                        continue;
                    entry.Remove(watches[index]);
                    Forget(entry);
                    if (watches[index].IsChanged && !subscription.IsEnded)
                    {
                        subscription.Changed.Remove(watches[index]);
                        watches[index].IsChanged = false;
                    }
                }
            }
        }
    }

    internal void WatchLookups(GridSubscription subscription, IReadOnlyCollection<string> keys, OpId asOf)
    {
        lock (_gate)
        {
            ThrowIfEnded(subscription);
            if (subscription.Lookups.Count != keys.Count || !subscription.Lookups.IsSupersetOf(keys))
            {
                UnwatchLookups(subscription, subscription.Lookups);
                subscription.Lookups = new HashSet<string>(keys.Count, StringComparer.Ordinal);
                WatchLookups(subscription, keys);
            }
            subscription.LookupDeltas.Clear();
            MarkLookups(subscription, subscription.Lookups, asOf);
        }
    }

    internal void WatchOtherLookups(
        GridSubscription subscription, IReadOnlyCollection<string> added, IReadOnlyCollection<string> removed, OpId asOf)
    {
        lock (_gate)
        {
            ThrowIfEnded(subscription);
            UnwatchLookups(subscription, removed);
            subscription.Lookups.ExceptWith(removed);
            subscription.LookupDeltas.Forget(removed);
            WatchLookups(subscription, added);
            MarkLookups(subscription, added, asOf);
        }
    }

    internal void End(GridSubscription subscription)
    {
        lock (_gate)
        {
            ReleasePin(subscription);
            subscription.IsEnded = true;
            if (!_subscriptions.Remove(subscription))
                return;
            UnwatchLookups(subscription, subscription.Lookups);
            subscription.Lookups = [];
            RemoveFromUser(subscription);
            if (subscription.IsBehind)
                _behind.Remove(subscription);
        }
    }

    // The last one takes the place: a user may have thousands, which leave together.
    private void RemoveFromUser(GridSubscription subscription)
    {
        var sameUser = _userSubscriptions[subscription.UserKey];
        var last = sameUser[^1];
        sameUser[subscription.IndexInUser] = last;
        last.IndexInUser = subscription.IndexInUser;
        sameUser.RemoveAt(sameUser.Count - 1);
        if (sameUser.Count == 0)
            _userSubscriptions.Remove(subscription.UserKey);
    }

    private void WatchLookups(GridSubscription subscription, IReadOnlyCollection<string> keys)
    {
        foreach (var key in keys)
        {
            subscription.Lookups.Add(key);
            if (!_lookupWatchers.TryGetValue(key, out var watchers))
                _lookupWatchers.Add(key, watchers = []);
            watchers.Add(subscription);
        }
    }

    private void UnwatchLookups(GridSubscription subscription, IReadOnlyCollection<string> keys)
    {
        foreach (var key in keys)
        {
            var watchers = _lookupWatchers[key];
            watchers.Remove(subscription);
            if (watchers.Count == 0)
                _lookupWatchers.Remove(key);
        }
    }

    // What changed between reading the lookups and watching them.
    private void MarkLookups(GridSubscription subscription, IReadOnlyCollection<string> keys, OpId asOf)
    {
        foreach (var key in keys)
        {
            foreach (var delta in _parameters.ChangesOf(key, asOf))
            {
                MarkLookup(subscription, delta);
                subscription.IsDirty |= _visible is { } visible && visible.LastOpId > asOf;
            }
        }
    }

    private void ReleasePin(GridSubscription subscription)
    {
        if (subscription.Pin is not { } pin)
            return;
        subscription.Pin = null;
        if (!subscription.IsEnded)
            _pins.Release(pin);
    }

    internal void ThrowIfSentAway(GridSubscription subscription)
    {
        lock (_gate)
            ThrowIfEnded(subscription);
    }

    private static void ThrowIfEnded(GridSubscription subscription)
    {
        if (subscription.IsEnded)
            throw new GridResetException();
    }
}
