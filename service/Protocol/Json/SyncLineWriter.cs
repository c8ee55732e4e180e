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

    private const int PieceBytes = 32 << 10;

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? _aside;

    /// <summary>Appends one line.</summary>
    /// <remarks>
    /// Lines are put together aside and given to the output in one piece, or in pieces when they are long: with a socket behind it every call takes a lock.
    /// </remarks>
    public static void Write(IBufferWriter<byte> output, SyncLine line)
    {
        var aside = _aside ??= new ArrayBufferWriter<byte>(1024);
        aside.ResetWrittenCount(); // of a line that failed
        Append(aside, output, line);
        Spill(aside, output);
        if (aside.Capacity > 4 * PieceBytes)
            _aside = null; // names may have any length
    }

    private static void Spill(ArrayBufferWriter<byte> aside, IBufferWriter<byte> output)
    {
        output.Write(aside.WrittenSpan);
        aside.ResetWrittenCount();
    }

    private static void Append(ArrayBufferWriter<byte> line, IBufferWriter<byte> output, SyncLine message)
    {
        switch (message)
        {
            case CheckpointLine checkpoint:
                WriteCheckpoint(line, output, checkpoint);
                break;
            case CheckpointDiffLine diff:
                WriteDiff(line, output, diff);
                break;
            case CheckpointCompleteLine complete:
                Put(line, "{\"checkpoint_complete\":{\"last_op_id\":"u8);
                WriteOpId(line, complete.LastOpId);
                Put(line, "}}\n"u8);
                break;
            case PartialCheckpointCompleteLine partial:
                Put(line, "{\"partial_checkpoint_complete\":{\"last_op_id\":"u8);
                WriteOpId(line, partial.LastOpId);
                Put(line, ",\"priority\":"u8);
                WriteNumber(line, partial.Priority);
                Put(line, "}}\n"u8);
                break;
            case TokenExpiresInLine token:
                Put(line, "{\"token_expires_in\":"u8);
                WriteNumber(line, token.Seconds);
                Put(line, "}\n"u8);
                break;
            case CursorLine cursor:
                Put(line, "{\"cursor\":"u8);
                WriteString(line, cursor.Cursor);
                Put(line, "}\n"u8);
                break;
            default:
                throw new ArgumentException($"{message.GetType().Name} has no NDJSON form.", nameof(message));
        }
    }

    private static void WriteCheckpoint(ArrayBufferWriter<byte> line, IBufferWriter<byte> output, CheckpointLine checkpoint)
    {
        Put(line, "{\"checkpoint\":{\"last_op_id\":"u8);
        WriteOpId(line, checkpoint.LastOpId);
        WriteWriteCheckpoint(line, checkpoint.WriteCheckpoint);
        Put(line, ",\"buckets\":["u8);
        WriteBuckets(line, output, checkpoint.Buckets);
        Put(line, "],\"streams\":["u8);
        for (var index = 0; index < checkpoint.Streams.Count; index++)
        {
            if (index > 0)
                Put(line, ","u8);
            WriteStream(line, checkpoint.Streams[index]);
        }
        Put(line, "]}}\n"u8);
    }

    private static void WriteDiff(ArrayBufferWriter<byte> line, IBufferWriter<byte> output, CheckpointDiffLine diff)
    {
        Put(line, "{\"checkpoint_diff\":{\"last_op_id\":"u8);
        WriteOpId(line, diff.LastOpId);
        WriteWriteCheckpoint(line, diff.WriteCheckpoint);
        Put(line, ",\"removed_buckets\":["u8);
        for (var index = 0; index < diff.RemovedBuckets.Count; index++)
        {
            if (index > 0)
                Put(line, ","u8);
            WriteString(line, diff.RemovedBuckets[index]);
        }
        Put(line, "],\"updated_buckets\":["u8);
        WriteBuckets(line, output, diff.UpdatedBuckets);
        Put(line, "]}}\n"u8);
    }

    private static void WriteBuckets(ArrayBufferWriter<byte> line, IBufferWriter<byte> output, IReadOnlyList<BucketDescription> buckets)
    {
        for (var index = 0; index < buckets.Count; index++)
        {
            if (index > 0)
                Put(line, ","u8);
            WriteBucket(line, buckets[index]);
            if (line.WrittenCount >= PieceBytes)
                Spill(line, output);
        }
    }

    private static void WriteBucket(ArrayBufferWriter<byte> line, BucketDescription bucket)
    {
        Put(line, "{\"bucket\":"u8);
        WriteString(line, bucket.Name);
        Put(line, ",\"checksum\":"u8);
        WriteNumber(line, bucket.Checksum);
        Put(line, ",\"count\":"u8);
        WriteNumber(line, bucket.Count);
        Put(line, ",\"priority\":"u8);
        WriteNumber(line, bucket.Priority);
        Put(line, ",\"subscriptions\":["u8);
        for (var index = 0; index < bucket.Reasons.Count; index++)
        {
            if (index > 0)
                Put(line, ","u8);
            Put(line, bucket.Reasons[index].IsDefault ? "{\"default\":"u8 : "{\"sub\":"u8);
            WriteNumber(line, bucket.Reasons[index].Index);
            Put(line, "}"u8);
        }
        Put(line, "]}"u8);
    }

    private static void WriteStream(ArrayBufferWriter<byte> line, StreamDescription stream)
    {
        Put(line, "{\"name\":"u8);
        WriteString(line, stream.Name);
        Put(line, ",\"is_default\":"u8);
        Put(line, stream.IsDefault ? "true"u8 : "false"u8);
        Put(line, ",\"errors\":["u8);
        for (var index = 0; index < stream.Errors.Count; index++)
        {
            var error = stream.Errors[index];
            if (index > 0)
                Put(line, ","u8);
            Put(line, "{\"subscription\":"u8);
            if (error.Subscription is { } subscription)
                WriteNumber(line, subscription);
            else
                Put(line, "\"default\""u8);
            Put(line, ",\"message\":"u8);
            WriteString(line, error.Message);
            Put(line, "}"u8);
        }
        Put(line, "]}"u8);
    }

    private static void WriteWriteCheckpoint(ArrayBufferWriter<byte> line, ulong? writeCheckpoint)
    {
        if (writeCheckpoint is not { } id)
            return;
        Put(line, ",\"write_checkpoint\":"u8);
        WriteOpId(line, new OpId(id));
    }

    private static void Put(ArrayBufferWriter<byte> line, ReadOnlySpan<byte> text)
    {
        text.CopyTo(line.GetSpan(text.Length));
        line.Advance(text.Length);
    }

    private static void WriteOpId(ArrayBufferWriter<byte> line, OpId opId)
    {
        var span = line.GetSpan(22);
        span[0] = (byte)'"';
        Utf8Formatter.TryFormat(opId.Value, span[1..], out var length);
        span[length + 1] = (byte)'"';
        line.Advance(length + 2);
    }

    private static void WriteNumber(ArrayBufferWriter<byte> line, long number)
    {
        Utf8Formatter.TryFormat(number, line.GetSpan(20), out var length);
        line.Advance(length);
    }

    private static void WriteString(ArrayBufferWriter<byte> line, string text)
    {
        var rented = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(text.Length));
        OpFragment.WriteString(line, rented.AsSpan(0, Encoding.UTF8.GetBytes(text, rented)));
        ArrayPool<byte>.Shared.Return(rented);
    }
}
