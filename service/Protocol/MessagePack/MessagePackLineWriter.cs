using System.Buffers;

namespace TopGun.Buckets.Protocol.MessagePack;

/// <summary>Writes the messages of the stream as MessagePack maps, with the same members as in JSON. What is absent is left out.</summary>
public static class MessagePackLineWriter
{
    /// <summary>Content type of the encoding.</summary>
    public const string ContentType = "application/vnd.msgpack";

    private const int BytesInBucket = 160; // what a description with a name of usual length takes

    /// <summary>Appends one line.</summary>
    public static void Write(IBufferWriter<byte> output, SyncLine line)
    {
        var pack = new MessagePackWriter(Capacity(line));
        pack.Map(1);
        switch (line)
        {
            case CheckpointLine checkpoint:
                WriteCheckpoint(ref pack, checkpoint);
                break;
            case CheckpointDiffLine diff:
                WriteDiff(ref pack, diff);
                break;
            case CheckpointCompleteLine complete:
                pack.Text("checkpoint_complete"u8);
                pack.Map(1);
                pack.Text("last_op_id"u8);
                pack.Position(complete.LastOpId);
                break;
            case PartialCheckpointCompleteLine partial:
                pack.Text("partial_checkpoint_complete"u8);
                pack.Map(2);
                pack.Text("last_op_id"u8);
                pack.Position(partial.LastOpId);
                pack.Text("priority"u8);
                pack.Whole(partial.Priority);
                break;
            case TokenExpiresInLine token:
                pack.Text("token_expires_in"u8);
                pack.Whole(token.Seconds);
                break;
            case CursorLine cursor:
                pack.Text("cursor"u8);
                pack.Text(cursor.Cursor);
                break;
            default:
                throw new ArgumentException($"{line.GetType().Name} has no MessagePack form.", nameof(line));
        }
        pack.MoveTo(output);
    }

    private static int Capacity(SyncLine line) => line switch
    {
        CheckpointLine checkpoint => 256 + (BytesInBucket * checkpoint.Buckets.Count),
        CheckpointDiffLine diff => 256 + (BytesInBucket * (diff.UpdatedBuckets.Count + diff.RemovedBuckets.Count)),
        _ => 256,
    };

    private static void WriteCheckpoint(ref MessagePackWriter pack, CheckpointLine line)
    {
        pack.Text("checkpoint"u8);
        pack.Map(line.WriteCheckpoint is null ? 3 : 4);
        WritePositions(ref pack, line.LastOpId, line.WriteCheckpoint);
        pack.Text("buckets"u8);
        WriteBuckets(ref pack, line.Buckets);
        pack.Text("streams"u8);
        pack.Array(line.Streams.Count);
        foreach (var stream in line.Streams)
            WriteStream(ref pack, stream);
    }

    private static void WriteDiff(ref MessagePackWriter pack, CheckpointDiffLine line)
    {
        pack.Text("checkpoint_diff"u8);
        pack.Map(line.WriteCheckpoint is null ? 3 : 4);
        WritePositions(ref pack, line.LastOpId, line.WriteCheckpoint);
        pack.Text("removed_buckets"u8);
        pack.Array(line.RemovedBuckets.Count);
        foreach (var name in line.RemovedBuckets)
            pack.Text(name);
        pack.Text("updated_buckets"u8);
        WriteBuckets(ref pack, line.UpdatedBuckets);
    }

    private static void WritePositions(ref MessagePackWriter pack, OpId lastOpId, ulong? writeCheckpoint)
    {
        pack.Text("last_op_id"u8);
        pack.Position(lastOpId);
        if (writeCheckpoint is not { } id)
            return;
        pack.Text("write_checkpoint"u8);
        pack.Position(new OpId(id));
    }

    private static void WriteBuckets(ref MessagePackWriter pack, IReadOnlyList<BucketDescription> buckets)
    {
        pack.Array(buckets.Count);
        foreach (var bucket in buckets)
        {
            pack.Map(5);
            pack.Text("bucket"u8);
            pack.Text(bucket.Name);
            pack.Text("checksum"u8);
            pack.Whole(bucket.Checksum);
            pack.Text("count"u8);
            pack.Whole(bucket.Count);
            pack.Text("priority"u8);
            pack.Whole(bucket.Priority);
            pack.Text("subscriptions"u8);
            pack.Array(bucket.Reasons.Count);
            foreach (var reason in bucket.Reasons)
            {
                pack.Map(1);
                pack.Text(reason.IsDefault ? "default"u8 : "sub"u8);
                pack.Whole(reason.Index);
            }
        }
    }

    private static void WriteStream(ref MessagePackWriter pack, StreamDescription stream)
    {
        pack.Map(3);
        pack.Text("name"u8);
        pack.Text(stream.Name);
        pack.Text("is_default"u8);
        pack.Boolean(stream.IsDefault);
        pack.Text("errors"u8);
        pack.Array(stream.Errors.Count);
        foreach (var error in stream.Errors)
        {
            pack.Map(2);
            pack.Text("subscription"u8);
            if (error.Subscription is { } subscription)
                pack.Whole(subscription);
            else
                pack.Text("default"u8);
            pack.Text("message"u8);
            pack.Text(error.Message);
        }
    }
}
