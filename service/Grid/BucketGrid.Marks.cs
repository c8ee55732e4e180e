using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.Grid;

// Who is told of what. Marks are made when a batch arrives; they take effect with the next visible checkpoint.
public sealed partial class BucketGrid
{
    private readonly List<(string UserKey, ulong Id)> _hiddenWriteCheckpoints = [];
    private readonly List<GridSubscription> _behind = [];
    private readonly List<GridSubscription> _woken = [];
    private TaskCompletionSource? _wokenReaders;

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

    private void MarkLookup(LookupChange change, ReadOnlyMemory<byte>? before)
    {
        if (!_lookupWatchers.TryGetValue(change.Key, out var watchers) || AreSame(before, change.Record))
            return;
        var delta = new LookupDelta(change.Key, change.OpId, before, change.Record);
        foreach (var subscription in watchers)
            MarkLookup(subscription, delta);
    }

    private static bool AreSame(ReadOnlyMemory<byte>? one, ReadOnlyMemory<byte>? other) =>
        one is { } record ? other is { } otherRecord && record.Span.SequenceEqual(otherRecord.Span) : other is null;

    private void MarkLookup(GridSubscription subscription, LookupDelta delta)
    {
        subscription.HasLookupChange = true;
        if (delta.OpId > subscription.LookupsChangedAt)
            subscription.LookupsChangedAt = delta.OpId;
        subscription.LookupDeltas.Add(delta);
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
        if (!subscription.IsWaitedFor)
            return;
        subscription.IsWaitedFor = false;
        _woken.Add(subscription);
    }

    /// <summary>Wakes whoever was collected under the lock. Only the writer collects, so the list needs no lock of its own.</summary>
    private void WakeCollected()
    {
        foreach (var subscription in _woken)
            subscription.EndWait();
        _woken.Clear();
        _wokenReaders?.TrySetResult();
        _wokenReaders = null;
    }
}
