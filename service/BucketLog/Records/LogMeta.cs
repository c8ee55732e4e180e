using System.Buffers;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.BucketLog.Records;

/// <summary>Where the log stands. Stored with every write.</summary>
/// <param name="LastOpId">Last operation given out.</param>
/// <param name="Position">End of the last source transaction taken in.</param>
/// <param name="VisibleFrom">Position that the stream has to reach before anything is shown, because of rows read again; see <see cref="IMissingRows"/>.</param>
/// <param name="GenerationBase">Op ids up to here were given out before the last snapshot began.</param>
internal sealed record LogPosition(OpId LastOpId, Lsn Position, Lsn VisibleFrom, OpId GenerationBase)
{
    public static readonly LogPosition Empty = new(OpId.None, Lsn.None, Lsn.None, OpId.None);

    /// <summary>Operations after this one are parts of a transaction that is not all there, and are not to be seen; null when there are none.</summary>
    public OpId? ShownUpTo { get; init; }

    /// <summary>The transaction that is being taken in by parts, if any.</summary>
    public BegunTransaction? Begun { get; init; }

    /// <summary>Last operation that may be seen.</summary>
    public OpId LastShown => ShownUpTo ?? LastOpId;

    /// <summary>What readers may be told of here, or null while a table is incomplete.</summary>
    public Checkpoint? Visible(ReplicationState? replication) =>
        replication is { SnapshotDone: true } && Position >= replication.VisibleFrom && Position >= VisibleFrom
            ? new Checkpoint(LastShown, Position)
            : null;

    public void Write(ArrayBufferWriter<byte> output)
    {
        output.WriteVarint(LastOpId.Value);
        output.WriteVarint(Position.Value);
        output.WriteVarint(VisibleFrom.Value);
        output.WriteVarint(GenerationBase.Value);
        if (ShownUpTo is not { } shown)
            return;
        output.WriteVarint(shown.Value);
        Begun?.Write(output);
    }

    public static LogPosition Read(ReadOnlySpan<byte> value)
    {
        var reader = new RecordReader(value);
        var position = new LogPosition(
            new OpId(reader.ReadVarint()), new Lsn(reader.ReadVarint()), new Lsn(reader.ReadVarint()), new OpId(reader.ReadVarint()));
        if (reader.Rest.IsEmpty)
            return position;
        position = position with { ShownUpTo = new OpId(reader.ReadVarint()) };
        return reader.Rest.IsEmpty ? position : position with { Begun = BegunTransaction.Read(ref reader) };
    }
}

/// <summary>How far a transaction that is taken in by parts has been: when it comes again, the rest of it is.</summary>
/// <param name="End">Its commit position.</param>
/// <param name="CommitTime">When it committed, by the source's clock.</param>
/// <param name="ByteCount">Bytes of all its changes.</param>
/// <param name="ChangeCount">Changes taken in so far.</param>
/// <param name="VisibleFrom">As in <see cref="LogPosition"/>, from its commit on.</param>
internal sealed record BegunTransaction(Lsn End, long CommitTime, long ByteCount, ulong ChangeCount, Lsn VisibleFrom)
{
    /// <summary>Whether this is the transaction.</summary>
    public bool Is(SourceTransaction transaction) =>
        End == transaction.EndPosition && CommitTime == transaction.CommitTimeMicroseconds && ByteCount == transaction.ByteCount;

    public void Write(ArrayBufferWriter<byte> output)
    {
        output.WriteVarint(End.Value);
        output.WriteVarint((ulong)CommitTime);
        output.WriteVarint((ulong)ByteCount);
        output.WriteVarint(ChangeCount);
        output.WriteVarint(VisibleFrom.Value);
    }

    public static BegunTransaction Read(ref RecordReader reader) => new(
        new Lsn(reader.ReadVarint()), (long)reader.ReadVarint(), (long)reader.ReadVarint(), reader.ReadVarint(), new Lsn(reader.ReadVarint()));
}

/// <summary>Who the store is, and which op ids it may have shown to anybody.</summary>
/// <param name="Id">Made at random with the store, 16 bytes: a copy or an older state of it can be told from it.</param>
/// <param name="ReservedOpId">No op id beyond this was ever visible. Written ahead of use.</param>
internal sealed record LogGeneration(Guid Id, OpId ReservedOpId)
{
    // What another copy of the store can have given out unknown to this one: four months at a hundred thousand operations a second.
    private const ulong Leap = 1UL << 40;

    /// <summary>Another generation, whose op ids are above all that this one or any copy of it can have given out.</summary>
    public LogGeneration Next(Random random)
    {
        var id = new byte[16];
        random.NextBytes(id);
        return new LogGeneration(new Guid(id), new OpId(ReservedOpId.Value + Leap));
    }

    public byte[] Serialize()
    {
        var output = new ArrayBufferWriter<byte>(32);
        output.Write(Id.ToByteArray());
        output.WriteVarint(ReservedOpId.Value);
        return output.WrittenSpan.ToArray();
    }

    public static LogGeneration Read(ReadOnlySpan<byte> value)
    {
        var reader = new RecordReader(value);
        return new LogGeneration(new Guid(reader.ReadBytes(16)), new OpId(reader.ReadVarint()));
    }
}

/// <summary>Keys of the records in <see cref="RecordTable.Meta"/>.</summary>
internal static class MetaKey
{
    public static ReadOnlySpan<byte> Position => "position"u8;

    public static ReadOnlySpan<byte> Replication => "replication"u8;

    public static ReadOnlySpan<byte> Generation => "generation"u8;

    public static ReadOnlySpan<byte> Rules => "rules"u8;

    /// <summary>Row key up to which stored rows have been given to the rules that are being built.</summary>
    public static ReadOnlySpan<byte> Build => "build"u8;

    /// <summary>Bucket numbers given out when buckets were last dropped.</summary>
    public static ReadOnlySpan<byte> BucketNumbers => "bucket-numbers"u8;

    /// <summary>Longest row that clients were given.</summary>
    public static ReadOnlySpan<byte> RowLimit => "row-limit"u8;

    public static ReadOnlySpan<byte> Refresh => "refresh"u8;

    /// <summary>There when records of the store were found to be damaged.</summary>
    public static ReadOnlySpan<byte> Damaged => "damaged"u8;

    /// <summary>There while a copy into the store is under way.</summary>
    public static ReadOnlySpan<byte> Copying => "copying"u8;
}
