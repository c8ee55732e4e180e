namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>Row states as they are after everything evaluated so far, durable or on their way. Declared by the evaluator.</summary>
internal interface IStoredRows
{
    /// <summary>Fills in the values of all slots of the working set, none of which is loaded yet.</summary>
    ValueTask LoadAsync(WorkingSet working, CancellationToken cancellationToken);

    /// <summary>Loads every row state whose key starts with <paramref name="prefix"/> and is not in the working set yet.</summary>
    ValueTask LoadAllAsync(WorkingSet working, ReadOnlyMemory<byte> prefix, CancellationToken cancellationToken);
}
