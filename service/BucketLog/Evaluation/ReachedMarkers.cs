using TopGun.Buckets.Replication;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>Stores write checkpoints that were reached, each user's highest.</summary>
/// <remarks>A user who asks twice at once, or at two nodes, gets markers that may come back in any order.</remarks>
internal sealed class ReachedMarkers(IStoredRows reached, IStoredRows kept)
{
    private readonly WorkingSet _known = new();

    /// <summary>Adds the records of those that are above what is stored.</summary>
    public ValueTask PutAsync(IReadOnlyList<WriteCheckpointMarker> markers, RecordChanges records, CancellationToken cancellationToken) =>
        PutAsync(reached, RecordTable.WriteCheckpoint, static userKey => WriteCheckpointRecord.Key(userKey), markers, records, cancellationToken);

    /// <summary>The same for those that are kept until the rows that they promise may be seen.</summary>
    public ValueTask KeepAsync(IReadOnlyList<WriteCheckpointMarker> markers, RecordChanges records, CancellationToken cancellationToken) =>
        PutAsync(kept, RecordTable.StagedRow, StagedRows.MarkerKey, markers, records, cancellationToken);

    private async ValueTask PutAsync(
        IStoredRows stored, RecordTable table, Func<string, byte[]> keyOf,
        IReadOnlyList<WriteCheckpointMarker> markers, RecordChanges records, CancellationToken cancellationToken)
    {
        if (markers.Count == 0)
            return;
        _known.Clear();
        foreach (var marker in markers)
            _known.GetOrAdd(keyOf(marker.UserKey), out _);
        await stored.LoadAsync(_known, cancellationToken);
        foreach (var marker in markers)
        {
            var slot = _known.GetOrAdd(keyOf(marker.UserKey), out _);
            if (!_known.Exists(slot) || IsAbove(marker.Id, WriteCheckpointRecord.ReadId(_known.Value(slot))))
                _known.Set(slot, WriteCheckpointRecord.Value(marker.Id));
        }
        foreach (var slot in _known.Changed)
            records.Put(table, _known.Key(slot), _known.Value(slot));
    }

    /// <summary>A client that counts by itself begins anew after ids of ours, which are far above.</summary>
    private static bool IsAbove(ulong id, ulong stored) =>
        id > stored || (id < WriteCheckpoints.FloorOf(epoch: 1) && stored >= WriteCheckpoints.FloorOf(epoch: 1));
}
