using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace TopGun.Buckets.Protocol.Json;

/// <summary>Writes messages of the sync stream as NDJSON: one object with one key for each line, UTF-8, ended by a line feed.</summary>
/// <remarks>
/// Numbers that count operations are strings, because JSON numbers lose precision above 2^53; checksums are unsigned. Clients compare keys
/// byte by byte, so they are never escaped.
/// </remarks>
public static class SyncLineWriter
{
    /// <summary>Content type of the encoding; clients compare it as a whole, so it has no charset.</summary>
    public const string ContentType = "application/x-ndjson";

    private const int FewBuckets = 64; // a line of more is not put together aside first

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _aside;

    /// <summary>Appends one line.</summary>
    /// <remarks>Short lines are put together first: with a socket behind the output, every call to it takes a lock.</remarks>
    public static void Write(IBufferWriter<byte> output, SyncLine line)
    {
        if (BucketsIn(line) > FewBuckets)
        {
            Append(output, line);
            return;
        }
        var aside = _aside ??= new ArrayBufferWriter<byte>(1024);
        aside.ResetWrittenCount();
        Append(aside, line);
        output.Write(aside.WrittenSpan);
        if (aside.Capacity > 64 << 10)
            _aside = null; // names of any length
    }

    private static int BucketsIn(SyncLine line) => line switch
    {
        CheckpointLine checkpoint => checkpoint.Buckets.Count,
        CheckpointDiffLine diff => diff.UpdatedBuckets.Count + diff.RemovedBuckets.Count,
        _ => 0,
    };

    private static void Append(IBufferWriter<byte> output, SyncLine line)
    {
        switch (line)
        {
            case CheckpointLine checkpoint:
                WriteCheckpoint(output, checkpoint);
                break;
            case CheckpointDiffLine diff:
                WriteDiff(output, diff);
                break;
            case CheckpointCompleteLine complete:
                output.Write("{\"checkpoint_complete\":{\"last_op_id\":"u8);
                WriteOpId(output, complete.LastOpId);
                output.Write("}}\n"u8);
                break;
            case PartialCheckpointCompleteLine partial:
                output.Write("{\"partial_checkpoint_complete\":{\"last_op_id\":"u8);
                WriteOpId(output, partial.LastOpId);
                output.Write(",\"priority\":"u8);
                WriteNumber(output, partial.Priority);
                output.Write("}}\n"u8);
                break;
            case TokenExpiresInLine token:
                output.Write("{\"token_expires_in\":"u8);
                WriteNumber(output, token.Seconds);
                output.Write("}\n"u8);
                break;
            case CursorLine cursor:
                output.Write("{\"cursor\":"u8);
                WriteString(output, cursor.Cursor);
                output.Write("}\n"u8);
                break;
            default:
                throw new ArgumentException($"{line.GetType().Name} has no NDJSON form.", nameof(line));
        }
    }

    private static void WriteCheckpoint(IBufferWriter<byte> output, CheckpointLine line)
    {
        output.Write("{\"checkpoint\":{\"last_op_id\":"u8);
        WriteOpId(output, line.LastOpId);
        WriteWriteCheckpoint(output, line.WriteCheckpoint);
        output.Write(",\"buckets\":["u8);
        WriteBuckets(output, line.Buckets);
        output.Write("],\"streams\":["u8);
        for (var index = 0; index < line.Streams.Count; index++)
        {
            if (index > 0)
                output.Write(","u8);
            WriteStream(output, line.Streams[index]);
        }
        output.Write("]}}\n"u8);
    }

    private static void WriteDiff(IBufferWriter<byte> output, CheckpointDiffLine line)
    {
        output.Write("{\"checkpoint_diff\":{\"last_op_id\":"u8);
        WriteOpId(output, line.LastOpId);
        WriteWriteCheckpoint(output, line.WriteCheckpoint);
        output.Write(",\"removed_buckets\":["u8);
        for (var index = 0; index < line.RemovedBuckets.Count; index++)
        {
            if (index > 0)
                output.Write(","u8);
            WriteString(output, line.RemovedBuckets[index]);
        }
        output.Write("],\"updated_buckets\":["u8);
        WriteBuckets(output, line.UpdatedBuckets);
        output.Write("]}}\n"u8);
    }

    private static void WriteBuckets(IBufferWriter<byte> output, IReadOnlyList<BucketDescription> buckets)
    {
        for (var index = 0; index < buckets.Count; index++)
        {
            if (index > 0)
                output.Write(","u8);
            WriteBucket(output, buckets[index]);
        }
    }

    private static void WriteBucket(IBufferWriter<byte> output, BucketDescription bucket)
    {
        output.Write("{\"bucket\":"u8);
        WriteString(output, bucket.Name);
        output.Write(",\"checksum\":"u8);
        WriteNumber(output, bucket.Checksum);
        output.Write(",\"count\":"u8);
        WriteNumber(output, bucket.Count);
        output.Write(",\"priority\":"u8);
        WriteNumber(output, bucket.Priority);
        output.Write(",\"subscriptions\":["u8);
        for (var index = 0; index < bucket.Reasons.Count; index++)
        {
            if (index > 0)
                output.Write(","u8);
            output.Write(bucket.Reasons[index].IsDefault ? "{\"default\":"u8 : "{\"sub\":"u8);
            WriteNumber(output, bucket.Reasons[index].Index);
            output.Write("}"u8);
        }
        output.Write("]}"u8);
    }

    private static void WriteStream(IBufferWriter<byte> output, StreamDescription stream)
    {
        output.Write("{\"name\":"u8);
        WriteString(output, stream.Name);
        output.Write(",\"is_default\":"u8);
        output.Write(stream.IsDefault ? "true"u8 : "false"u8);
        output.Write(",\"errors\":["u8);
        for (var index = 0; index < stream.Errors.Count; index++)
        {
            var error = stream.Errors[index];
            if (index > 0)
                output.Write(","u8);
            output.Write("{\"subscription\":"u8);
            if (error.Subscription is { } subscription)
                WriteNumber(output, subscription);
            else
                output.Write("\"default\""u8);
            output.Write(",\"message\":"u8);
            WriteString(output, error.Message);
            output.Write("}"u8);
        }
        output.Write("]}"u8);
    }

    private static void WriteWriteCheckpoint(IBufferWriter<byte> output, ulong? writeCheckpoint)
    {
        if (writeCheckpoint is not { } id)
            return;
        output.Write(",\"write_checkpoint\":"u8);
        WriteOpId(output, new OpId(id));
    }

    private static void WriteOpId(IBufferWriter<byte> output, OpId opId)
    {
        var span = output.GetSpan(22);
        span[0] = (byte)'"';
        Utf8Formatter.TryFormat(opId.Value, span[1..], out var length);
        span[length + 1] = (byte)'"';
        output.Advance(length + 2);
    }

    private static void WriteNumber(IBufferWriter<byte> output, long number)
    {
        Utf8Formatter.TryFormat(number, output.GetSpan(20), out var length);
        output.Advance(length);
    }

    private static void WriteString(IBufferWriter<byte> output, string text)
    {
        var rented = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(text.Length));
        OpFragment.WriteString(output, rented.AsSpan(0, Encoding.UTF8.GetBytes(text, rented)));
        ArrayPool<byte>.Shared.Return(rented);
    }
}
