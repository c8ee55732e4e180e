namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>Row states as they are after everything evaluated so far, durable or on their way. Declared by the evaluator.</summary>
internal interface IStoredRows
{
    /// <summary>Fills in the values of all slots of the working set, none of which is loaded yet.</summary>
    ValueTask LoadAsync(WorkingSet working, CancellationToken cancellationToken);

    /// <summary>
    /// Loads every row state whose key starts with <paramref name="prefix"/>, comes after <paramref name="after"/> and is not in the working set yet. When all
    /// of them are durable they come by ascending key.
    /// </summary>
    /// <returns>Whether these were all; false when they are more than <paramref name="limitBytes"/>, and then some, at least one, are loaded.</returns>
    ValueTask<bool> LoadAllAsync(
        WorkingSet working, ReadOnlyMemory<byte> prefix, ReadOnlyMemory<byte> after, long limitBytes, CancellationToken cancellationToken);
}
