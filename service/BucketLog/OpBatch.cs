using System.Runtime.InteropServices;
using TopGun.Buckets.BucketLog.Evaluation;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.BucketLog;

/// <summary>A consistent state of the source: all of its transactions up to a position, and the operations that stand for them.</summary>
/// <param name="LastOpId">Last operation that belongs to it.</param>
/// <param name="Position">Commit position in the source.</param>
public sealed record Checkpoint(OpId LastOpId, Lsn Position)
{
    /// <summary>Number of the rules that say who gets which bucket at this checkpoint; see <see cref="LogRules.Find"/>.</summary>
    public int Rules { get; init; }
}

/// <summary>The operations of one source transaction, or of one chunk of a snapshot: immutable.</summary>
/// <remarks>
/// The memory of the operations is that of others once the batch is durable and <see cref="IBatchSubscriber.Durable"/> has been told: most batches are done
/// with by then. Whoever reads them for longer says so with <see cref="Keep"/>.
/// </remarks>
public sealed class OpBatch
{
    private bool _isKept;

    /// <summary>State after this batch.</summary>
    public required Checkpoint Checkpoint { get; init; }

    /// <summary>First operation, or <see cref="OpId.None"/> when there is none.</summary>
    public required OpId FirstOpId { get; init; }

    /// <summary>
    /// The operations, grouped by bucket in the order of <see cref="Buckets"/>, ascending within each. Their fragments lie in <see cref="Fragments"/>.
    /// </summary>
    public required ReadOnlyMemory<BucketOp> Ops { get; init; }

    /// <summary>All fragments of the batch, each once.</summary>
    public required ReadOnlyMemory<byte> Fragments { get; init; }

    /// <summary>Changed buckets, each with its range of <see cref="Ops"/>.</summary>
    public required IReadOnlyList<BucketChange> Buckets { get; init; }

    /// <summary>Changed entries of the parameter index, in the order of the changes.</summary>
    public required IReadOnlyList<LookupChange> Lookups { get; init; }

    /// <summary>When the source committed it, in microseconds since 2000-01-01 UTC, by the source's clock; 0 when no commit stands behind it.</summary>
    public long CommitTimeMicroseconds { get; internal set; }

    /// <summary>Write checkpoints reached.</summary>
    public required IReadOnlyList<WriteCheckpointMarker> WriteCheckpoints { get; init; }

    /// <summary>
    /// Whether this is a part of a transaction, for the store alone. A batch without operations follows the last part, names all that the parts have
    /// changed, and stands for the transaction.
    /// </summary>
    public bool IsPart { get; init; }

    /// <summary>Where <see cref="Ops"/> and <see cref="Fragments"/> were rented; null when they are the batch's own.</summary>
    internal BatchMemory? Memory { get; init; }

    /// <summary>The operations will be read after the batch is durable, too.</summary>
    public void Keep() => Volatile.Write(ref _isKept, true);

    /// <summary>Nobody reads the operations any more who has not said so.</summary>
    internal void Release()
    {
        if (Memory is null || Volatile.Read(ref _isKept))
            return;
        if (MemoryMarshal.TryGetArray(Ops, out var ops))
            Memory.Ops.Return(ops.Array!);
        if (MemoryMarshal.TryGetArray(Fragments, out var fragments))
            Memory.Fragments.Return(fragments.Array!);
    }

    /// <summary>Operations of one of the <see cref="Buckets"/>.</summary>
    public ReadOnlyMemory<BucketOp> OpsOf(BucketChange bucket) => Ops.Slice(bucket.FirstOp, bucket.OpCount);
}

/// <summary>What a batch does to one bucket.</summary>
/// <param name="Name">Full bucket name.</param>
/// <param name="FirstOp">Index of its first operation in <see cref="OpBatch.Ops"/>.</param>
/// <param name="OpCount">Number of its operations; none when they have to be read from the store, which has them already.</param>
/// <param name="Summary">The bucket after the batch.</param>
public readonly record struct BucketChange(string Name, int FirstOp, int OpCount, BucketSummary Summary);

/// <summary>Totals of a bucket's log up to its last operation.</summary>
/// <param name="LastOpId">Its last operation.</param>
/// <param name="Checksum">Wrapping 32-bit sum.</param>
/// <param name="Count">Number of operations.</param>
/// <param name="ByteCount">Bytes of their fragments.</param>
/// <param name="Superseded">Operations that later ones made redundant since the bucket was compacted last: what compaction can win.</param>
public readonly record struct BucketSummary(OpId LastOpId, uint Checksum, long Count, long ByteCount, long Superseded = 0);

/// <summary>A change of the parameter index.</summary>
/// <param name="Key">Lookup key.</param>
/// <param name="Entry">Identifies the entry under the key: source row and position among its results.</param>
/// <param name="OpId">Position of the change in the common sequence.</param>
/// <param name="Record">The result, or null when the row no longer produces it.</param>
public sealed record LookupChange(string Key, string Entry, OpId OpId, ReadOnlyMemory<byte>? Record);

/// <summary>Who wants to know what was published: the grid. Declared by the one who calls.</summary>
/// <remarks>Called by one thread at a time, in op order. Must not block and must not throw.</remarks>
public interface IBatchSubscriber
{
    /// <summary>Starts with what the store holds; nothing is visible before this when <paramref name="checkpoint"/> is null.</summary>
    ValueTask StartAsync(IColdStorage storage, BucketDirectory directory, Checkpoint? checkpoint, CancellationToken cancellationToken);

    /// <summary>Whether operations of this bucket are wanted with a batch. They may come all the same, or be left out.</summary>
    bool Keeps(string bucket) => true;

    /// <summary>The batch exists now; its operations are there until it is durable, or for good if it is kept. <paramref name="visible"/> is the checkpoint that readers may be told of, or null while a snapshot is under way.</summary>
    void Append(OpBatch batch, Checkpoint? visible);

    /// <summary>These buckets are gone, and no rules name them any more. A reader that has not noticed has to be sent away.</summary>
    void Drop(IReadOnlyList<string> buckets);

    /// <summary>Everything up to here can be read from the store.</summary>
    void Durable(OpId upTo);

    /// <summary>
    /// From now on, until <see cref="Compacted"/>, a read of this bucket may find its log as it was, as it will be, or anything in between. All of
    /// them lead to the same state from the bucket's <see cref="BucketDirectory.CompactedThrough"/> on.
    /// </summary>
    void Compacting(string bucket);

    /// <summary>The bucket's log is stored as it will be: what was read of it before is to be forgotten up to <paramref name="through"/>.</summary>
    void Compacted(string bucket, OpId through);

    /// <summary>All buckets are void; readers have to be sent away.</summary>
    void Reset();
}
