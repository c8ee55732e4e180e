namespace TopGun.Buckets.BucketLog;

// What the operator wants remembered takes the way of everything else to the store, because the store has one writer.
public sealed partial class BucketLogWriter
{
    /// <summary>Stores a revocation, or removes it. Durable when this completes.</summary>
    /// <exception cref="Protocol.BucketsException">The log stopped (TGB1202).</exception>
    public async ValueTask WriteRevocationAsync(string name, ReadOnlyMemory<byte>? record, CancellationToken cancellationToken)
    {
        var records = new RecordChanges();
        if (record is { } value)
            records.Put(RecordTable.Meta, RevocationRecord.Key(name), value.Span);
        else
            records.Delete(RecordTable.Meta, RevocationRecord.Key(name));
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (_failure is not null)
                throw new LogStoppedException(_failure);
            _window.Add(records);
        }
        finally
        {
            _turn.Release();
        }
        _writer.Notify();
        await _writer.FlushAsync(cancellationToken);
    }
}
