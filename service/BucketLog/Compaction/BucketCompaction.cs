using System.Buffers;
using System.Runtime.CompilerServices;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog.Compaction;

/// <summary>Shrinks one bucket's log up to a bound, without changing what it says there.</summary>
/// <remarks>
/// A redundant operation becomes a MOVE, which keeps its op id and checksum and drops its content. A start without live rows becomes one CLEAR
/// with the sum of what it replaces. Nothing else changes, so from the bound on the log leads every client, wherever it stands, to the same rows
/// and the same checksum.
/// </remarks>
internal sealed class BucketCompaction(IColdStorage storage, string bucket, OpId upTo, RedundantOps redundant, FragmentedStart fragmented)
{
    private readonly List<BucketRewrite> _rewrites = [];
    private readonly List<BucketOp> _range = [];
    private OpId _rangeAfter;
    private long _rangeBytes;
    private bool _rangeIsChanged;
    private long _pieceBytes;
    private long _countDelta;
    private long _byteDelta;

    /// <summary>Number of operations that are replaced or left alone together.</summary>
    public int RangeOps { get; init; } = 1000;

    /// <summary>Bytes of a piece, and so of what is in RAM.</summary>
    public long PieceBytes { get; init; } = 4 << 20;

    /// <summary>What was found of the log's start, once all pieces have been made.</summary>
    public FragmentedStart Start => fragmented;

    /// <summary>The compaction in pieces, each of which is valid by itself.</summary>
    public async IAsyncEnumerable<CompactedPiece> PiecesAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var start = new ClearedStart();
        var isStart = true;
        var place = 0;
        await foreach (var op in storage.ReadAsync(bucket, OpId.None, upTo, cancellationToken))
        {
            var isRedundant = redundant[place++];
            fragmented.Add(op.OpId, isLive: op.Kind == OpKind.Put && !isRedundant);
            if (isStart && (isRedundant || op.Kind != OpKind.Put))
            {
                start.Add(op, isRedundant);
                continue;
            }
            if (isStart)
            {
                isStart = false;
                EndStart(start);
            }
            Add(op, isRedundant);
            if (_range.Count >= RangeOps || _rangeBytes >= PieceBytes)
                EndRange();
            if (_pieceBytes >= PieceBytes)
                yield return TakePiece();
        }
        if (isStart)
            EndStart(start);
        EndRange();
        if (_rewrites.Count > 0)
            yield return TakePiece();
    }

    private void EndStart(ClearedStart start)
    {
        _rangeAfter = start.LastOpId;
        if (start.Replacement is not { } replacement)
            return;
        AddRewrite(new BucketRewrite(bucket, OpId.None, start.LastOpId, new[] { replacement }));
        _countDelta += 1 - start.Count;
        _byteDelta += replacement.Fragment.Length - start.ByteCount;
    }

    private void Add(in BucketOp op, bool isRedundant)
    {
        var kept = op;
        if (isRedundant)
        {
            kept = Placeholder(op.OpId, OpKind.Move, op.Checksum);
            _byteDelta += kept.Fragment.Length - op.Fragment.Length;
            _rangeIsChanged = true;
        }
        _range.Add(kept);
        _rangeBytes += kept.Fragment.Length;
    }

    /// <summary>A range in which nothing is redundant stays as it is.</summary>
    private void EndRange()
    {
        if (_range.Count == 0)
            return;
        if (_rangeIsChanged)
            AddRewrite(new BucketRewrite(bucket, _rangeAfter, _range[^1].OpId, _range.ToArray()));
        _rangeAfter = _range[^1].OpId;
        _range.Clear();
        _rangeBytes = 0;
        _rangeIsChanged = false;
    }

    private void AddRewrite(BucketRewrite rewrite)
    {
        _rewrites.Add(rewrite);
        _pieceBytes += rewrite.ByteCount;
    }

    private CompactedPiece TakePiece()
    {
        var piece = new CompactedPiece([.. _rewrites], _countDelta, _byteDelta);
        _rewrites.Clear();
        _pieceBytes = _countDelta = _byteDelta = 0;
        return piece;
    }

    private static BucketOp Placeholder(OpId opId, OpKind kind, uint checksum)
    {
        var fragment = new ArrayBufferWriter<byte>(40);
        OpFragment.WritePlaceholder(fragment, kind, checksum);
        return new BucketOp(opId, kind, checksum, fragment.WrittenMemory);
    }

    /// <summary>The operations before the first live row.</summary>
    private sealed class ClearedStart
    {
        private BucketOp _last;
        private bool _lastIsRedundant;
        private uint _checksum;

        public int Count { get; private set; }

        public long ByteCount { get; private set; }

        public OpId LastOpId => _last.OpId;

        /// <summary>What stands for them, when that is less than they are.</summary>
        public BucketOp? Replacement => Count switch
        {
            0 => null,
            1 when _lastIsRedundant => Placeholder(_last.OpId, OpKind.Move, _last.Checksum),
            1 => null,
            _ => Placeholder(_last.OpId, OpKind.Clear, _checksum),
        };

        public void Add(in BucketOp op, bool isRedundant)
        {
            _last = op;
            _lastIsRedundant = isRedundant;
            _checksum = op.Kind == OpKind.Clear ? op.Checksum : unchecked(_checksum + op.Checksum); // a CLEAR stands for all before it
            Count++;
            ByteCount += op.Fragment.Length;
        }
    }
}
