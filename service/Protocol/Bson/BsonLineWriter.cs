using System.Buffers;

namespace TopGun.Buckets.Protocol.Bson;

/// <summary>Writes the messages of the stream as BSON documents, one behind the other: a document's own length frames it.</summary>
/// <remarks>
/// Clients read each field by its type, so the types are part of the protocol: positions are strings, checksums and counts int64,
/// priorities and indices int32. What is absent is left out.
/// </remarks>
public static class BsonLineWriter
{
    /// <summary>Content type of the encoding; clients compare it as a whole.</summary>
    public const string ContentType = "application/vnd.powersync.bson-stream";

    private const int BytesInBucket = 160; // what a description with a name of usual length takes

    /// <summary>Appends one line.</summary>
    public static void Write(IBufferWriter<byte> output, SyncLine line)
    {
        var bson = new BsonWriter(Capacity(line));
        var start = bson.Begin();
        switch (line)
        {
            case CheckpointLine checkpoint:
                WriteCheckpoint(ref bson, checkpoint);
                break;
            case CheckpointDiffLine diff:
                WriteDiff(ref bson, diff);
                break;
            case CheckpointCompleteLine complete:
                var completeStart = bson.BeginDocument("checkpoint_complete"u8);
                bson.OpId("last_op_id"u8, complete.LastOpId);
                bson.End(completeStart);
                break;
            case PartialCheckpointCompleteLine partial:
                var partialStart = bson.BeginDocument("partial_checkpoint_complete"u8);
                bson.OpId("last_op_id"u8, partial.LastOpId);
                bson.Int32("priority"u8, partial.Priority);
                bson.End(partialStart);
                break;
            case TokenExpiresInLine token:
                bson.Int32("token_expires_in"u8, token.Seconds);
                break;
            case CursorLine cursor:
                bson.String("cursor"u8, cursor.Cursor);
                break;
            default:
                throw new ArgumentException($"{line.GetType().Name} has no BSON form.", nameof(line));
        }
        bson.End(start);
        bson.MoveTo(output);
    }

    private static int Capacity(SyncLine line) => line switch
    {
        CheckpointLine checkpoint => 256 + (BytesInBucket * checkpoint.Buckets.Count),
        CheckpointDiffLine diff => 256 + (BytesInBucket * (diff.UpdatedBuckets.Count + diff.RemovedBuckets.Count)),
        _ => 256,
    };

    private static void WriteCheckpoint(ref BsonWriter bson, CheckpointLine line)
    {
        var start = bson.BeginDocument("checkpoint"u8);
        WritePositions(ref bson, line.LastOpId, line.WriteCheckpoint);
        WriteBuckets(ref bson, "buckets"u8, line.Buckets);
        var streams = bson.BeginArray("streams"u8);
        for (var index = 0; index < line.Streams.Count; index++)
            WriteStream(ref bson, index, line.Streams[index]);
        bson.End(streams);
        bson.End(start);
    }

    private static void WriteDiff(ref BsonWriter bson, CheckpointDiffLine line)
    {
        var start = bson.BeginDocument("checkpoint_diff"u8);
        WritePositions(ref bson, line.LastOpId, line.WriteCheckpoint);
        var removed = bson.BeginArray("removed_buckets"u8);
        for (var index = 0; index < line.RemovedBuckets.Count; index++)
            bson.StringItem(index, line.RemovedBuckets[index]);
        bson.End(removed);
        WriteBuckets(ref bson, "updated_buckets"u8, line.UpdatedBuckets);
        bson.End(start);
    }

    private static void WritePositions(ref BsonWriter bson, OpId lastOpId, ulong? writeCheckpoint)
    {
        bson.OpId("last_op_id"u8, lastOpId);
        if (writeCheckpoint is { } id)
            bson.OpId("write_checkpoint"u8, new OpId(id));
    }

    private static void WriteBuckets(ref BsonWriter bson, ReadOnlySpan<byte> key, IReadOnlyList<BucketDescription> buckets)
    {
        var list = bson.BeginArray(key);
        for (var index = 0; index < buckets.Count; index++)
        {
            var bucket = buckets[index];
            var start = bson.BeginItem(index);
            bson.String("bucket"u8, bucket.Name);
            bson.Int64("checksum"u8, bucket.Checksum);
            bson.Int64("count"u8, bucket.Count);
            bson.Int32("priority"u8, bucket.Priority);
            WriteReasons(ref bson, bucket.Reasons);
            bson.End(start);
        }
        bson.End(list);
    }

    private static void WriteReasons(ref BsonWriter bson, IReadOnlyList<BucketReason> reasons)
    {
        var list = bson.BeginArray("subscriptions"u8);
        for (var index = 0; index < reasons.Count; index++)
        {
            var start = bson.BeginItem(index);
            bson.Int32(reasons[index].IsDefault ? "default"u8 : "sub"u8, reasons[index].Index);
            bson.End(start);
        }
        bson.End(list);
    }

    private static void WriteStream(ref BsonWriter bson, int index, StreamDescription stream)
    {
        var start = bson.BeginItem(index);
        bson.String("name"u8, stream.Name);
        bson.Boolean("is_default"u8, stream.IsDefault);
        var errors = bson.BeginArray("errors"u8);
        for (var position = 0; position < stream.Errors.Count; position++)
        {
            var error = stream.Errors[position];
            var errorStart = bson.BeginItem(position);
            if (error.Subscription is { } subscription)
                bson.Int32("subscription"u8, subscription);
            else
                bson.String("subscription"u8, "default"u8);
            bson.String("message"u8, error.Message);
            bson.End(errorStart);
        }
        bson.End(errors);
        bson.End(start);
    }
}
