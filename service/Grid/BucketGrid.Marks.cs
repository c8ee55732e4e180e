using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.Grid;

// Who is told of what. Marks are made when a batch arrives; they take effect with the next visible checkpoint.
public sealed partial class BucketGrid
{
    private readonly List<(string UserKey, ulong Id)> _hiddenWriteCheckpoints = [];
    private readonly List<GridSubscription> _behind = [];
    private readonly List<TaskCompletionSource> _woken = [];

    private void Mark(BucketWatch watch)
    {
        var subscription = watch.Subscription!;
        if (!watch.IsChanged)
        {
            watch.IsChanged = true;
            subscription.Changed.Add(watch);
        }
        MarkBehind(subscription);
    }

    private void MarkLookup(LookupChange change)
    {
        if (!_lookupWatchers.TryGetValue(change.Key, out var watchers))
            return;
        foreach (var subscription in watchers)
            MarkLookup(subscription, change.OpId);
    }

    private void MarkLookup(GridSubscription subscription, OpId changedAt)
    {
        subscription.HasLookupChange = true;
        if (changedAt > subscription.LookupsChangedAt)
            subscription.LookupsChangedAt = changedAt;
        MarkBehind(subscription);
    }

    private void MarkWriteCheckpoint(WriteCheckpointMarker marker)
    {
        _hiddenWriteCheckpoints.Add((marker.UserKey, marker.Id));
        if (!_userSubscriptions.TryGetValue(marker.UserKey, out var sameUser))
            return;
        foreach (var subscription in sameUser)
            MarkBehind(subscription);
    }

    private void MarkBehind(GridSubscription subscription)
    {
        if (subscription.IsBehind || subscription.IsEnded)
            return;
        subscription.IsBehind = true;
        _behind.Add(subscription);
    }

    private void Collect(GridSubscription subscription)
    {
        if (subscription.Waiter is not { } waiter)
            return;
        subscription.Waiter = null;
        _woken.Add(waiter);
    }

    /// <summary>Wakes whoever was collected under the lock. Only the writer collects, so the list needs no lock of its own.</summary>
    private void WakeCollected()
    {
        foreach (var waiter in _woken)
            waiter.TrySetResult();
        _woken.Clear();
    }
}
