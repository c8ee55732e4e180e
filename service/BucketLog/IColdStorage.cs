using System.Runtime.CompilerServices;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>Where operations and records survive the process. A backend stores and returns bytes; what they mean is decided here.</summary>
/// <remarks>One writer at a time; any number of readers beside it. Readers see a write entirely or not at all, once it has completed.</remarks>
public interface IColdStorage : IAsyncDisposable
{
    /// <summary>Opens the store, takes its lock and recovers the last durable state. Called once, before anything else.</summary>
    /// <exception cref="BucketsException">In use by another process (TGB2002), damaged (TGB2003), or of another version (TGB2004).</exception>
    ValueTask OpenAsync(CancellationToken cancellationToken);

    /// <summary>Stores a write, all or nothing. It is durable when this completes.</summary>
    /// <exception cref="BucketsException">No room (TGB2005) or an I/O error (TGB2001): nothing was stored, or the store has to be opened anew.</exception>
    ValueTask WriteAsync(StoreWrite write, CancellationToken cancellationToken);

    /// <summary>Fills in the values of the records asked for.</summary>
    ValueTask GetAsync(RecordQuery query, CancellationToken cancellationToken);

    /// <summary>Records of a table whose key starts with <paramref name="prefix"/>, by ascending key (bytewise).</summary>
    IAsyncEnumerable<StoredRecord> ScanAsync(RecordTable table, ReadOnlyMemory<byte> prefix, CancellationToken cancellationToken);

    /// <summary>Those of the records whose key comes after <paramref name="after"/>; empty is before all.</summary>
    /// <remarks>A scan sees the writes that completed before it was begun, and may or may not see later ones.</remarks>
    async IAsyncEnumerable<StoredRecord> ScanAsync(
        RecordTable table, ReadOnlyMemory<byte> prefix, ReadOnlyMemory<byte> after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var record in ScanAsync(table, prefix, cancellationToken))
        {
            if (after.IsEmpty || record.Key.Span.SequenceCompareTo(after.Span) > 0)
                yield return record;
        }
    }

    /// <summary>Shows all records of a table, in no order: for who takes in all of them when the service starts.</summary>
    /// <remarks>
    /// A store need not put together what it has of a record. So one that was changed may be shown again as it was, after it was shown as it is; and one that
    /// was removed as it was, after it was shown without a value.
    /// </remarks>
    async ValueTask VisitAsync(RecordTable table, RecordVisitor visit, CancellationToken cancellationToken)
    {
        await foreach (var record in ScanAsync(table, ReadOnlyMemory<byte>.Empty, cancellationToken))
            visit(record.Key.Span, record.Value.Span, hasValue: true);
    }

    /// <summary>Reads one bucket's operations in ascending order.</summary>
    /// <param name="bucket">Full bucket name, for example <c>1#by_list["7"]</c>.</param>
    /// <param name="after">Exclusive lower bound; <see cref="OpId.None"/> reads from the start.</param>
    /// <param name="upTo">Inclusive upper bound, normally a checkpoint's last op.</param>
    /// <param name="cancellationToken">Stops the read between operations.</param>
    /// <returns>Operations with <c>after &lt; OpId ≤ upTo</c>; empty when the bucket is unknown. Their memory stays valid.</returns>
    IAsyncEnumerable<BucketOp> ReadAsync(string bucket, OpId after, OpId upTo, CancellationToken cancellationToken);
}

/// <summary>Kinds of small records. Numbers are stored; never reuse one.</summary>
public enum RecordTable : byte
{
    /// <summary>A handful of records about the store itself.</summary>
    Meta = 1,

    /// <summary>Row states: what is known of each source row. Key: table id, row key.</summary>
    RowState = 2,

    /// <summary>Parameter index. Key: lookup key, row key.</summary>
    Lookup = 3,

    /// <summary>Bucket summaries. Key: bucket name.</summary>
    Bucket = 4,

    /// <summary>Write checkpoints reached. Key: user key.</summary>
    WriteCheckpoint = 5,

    /// <summary>Table definitions that stored row images refer to.</summary>
    Relation = 6,

    /// <summary>Rows of tables that are being read again, until they take the place of those in <see cref="RowState"/>. Key: table id, row key.</summary>
    StagedRow = 7,

    /// <summary>Changes of the parameter index by a transaction that is being taken in by parts. Key: op id, big-endian.</summary>
    PendingLookup = 8,
}

/// <summary>Is shown a record, whose memory is another's afterwards.</summary>
public delegate void RecordVisitor(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, bool hasValue);

/// <summary>One record read by a scan.</summary>
public readonly record struct StoredRecord(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value);
