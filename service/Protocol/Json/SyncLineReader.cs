using System.Text.Json;

namespace TopGun.Buckets.Protocol.Json;

/// <summary>Reads one NDJSON line of the sync stream. <c>data</c> lines are read by <see cref="DataLineReader"/>.</summary>
public static class SyncLineReader
{
    /// <summary>Tells the kind of a line from its first key; the rest is not looked at.</summary>
    /// <exception cref="BucketsException">The line is not an object with a key (TGB6010).</exception>
    public static SyncLineKind KindOf(ReadOnlySpan<byte> line)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            return OpenLine(ref reader);
        }
        catch (JsonException exception)
        {
            throw JsonText.Malformed("it is not JSON.", exception);
        }
    }

    /// <summary>Reads a whole line, except a <c>data</c> line.</summary>
    /// <returns>The message, or null for a kind this version does not know or a <c>data</c> line.</returns>
    /// <exception cref="BucketsException">The line is malformed (TGB6010).</exception>
    public static SyncLine? Read(ReadOnlySpan<byte> line)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            SyncLine? message = null;
            var kind = OpenLine(ref reader);
            JsonText.Next(ref reader);
            switch (kind)
            {
                case SyncLineKind.Checkpoint:
                    message = ReadCheckpoint(ref reader);
                    break;
                case SyncLineKind.CheckpointDiff:
                    message = ReadDiff(ref reader);
                    break;
                case SyncLineKind.CheckpointComplete:
                    message = new CheckpointCompleteLine(ReadComplete(ref reader, out _));
                    break;
                case SyncLineKind.PartialCheckpointComplete:
                    var opId = ReadComplete(ref reader, out var priority);
                    message = new PartialCheckpointCompleteLine(opId, priority ?? throw Missing("priority"));
                    break;
                case SyncLineKind.TokenExpiresIn:
                    message = new TokenExpiresInLine(JsonText.Int32(ref reader, "token_expires_in"));
                    break;
                default:
                    reader.Skip();
                    return null;
            }
            JsonText.Next(ref reader);
            JsonText.Expect(ref reader, JsonTokenType.EndObject, "line"); // a line has one key
            return message;
        }
        catch (JsonException exception)
        {
            throw JsonText.Malformed("it is not JSON.", exception);
        }
    }

    /// <summary>Leaves the reader on the line's only key.</summary>
    internal static SyncLineKind OpenLine(ref Utf8JsonReader reader)
    {
        JsonText.Next(ref reader);
        JsonText.Expect(ref reader, JsonTokenType.StartObject, "line");
        JsonText.Next(ref reader);
        JsonText.Expect(ref reader, JsonTokenType.PropertyName, "line");
        if (reader.ValueTextEquals("data"u8))
            return SyncLineKind.Data;
        if (reader.ValueTextEquals("checkpoint_complete"u8))
            return SyncLineKind.CheckpointComplete;
        if (reader.ValueTextEquals("checkpoint_diff"u8))
            return SyncLineKind.CheckpointDiff;
        if (reader.ValueTextEquals("token_expires_in"u8))
            return SyncLineKind.TokenExpiresIn;
        if (reader.ValueTextEquals("checkpoint"u8))
            return SyncLineKind.Checkpoint;
        return reader.ValueTextEquals("partial_checkpoint_complete"u8)
            ? SyncLineKind.PartialCheckpointComplete
            : SyncLineKind.Unknown;
    }

    private static CheckpointLine ReadCheckpoint(ref Utf8JsonReader reader)
    {
        OpId? lastOpId = null;
        ulong? writeCheckpoint = null;
        IReadOnlyList<BucketDescription>? buckets = null;
        IReadOnlyList<StreamDescription> streams = [];

        JsonText.Expect(ref reader, JsonTokenType.StartObject, "checkpoint");
        while (NextField(ref reader))
        {
            if (Is(ref reader, "last_op_id"u8))
                lastOpId = JsonText.OpId(ref reader, "last_op_id");
            else if (Is(ref reader, "write_checkpoint"u8))
                writeCheckpoint = ReadWriteCheckpoint(ref reader);
            else if (Is(ref reader, "buckets"u8))
                buckets = DescriptionReader.ReadBuckets(ref reader, "buckets");
            else if (Is(ref reader, "streams"u8))
                streams = DescriptionReader.ReadStreams(ref reader);
            else
                SkipField(ref reader);
        }
        return new CheckpointLine(
            lastOpId ?? throw Missing("last_op_id"), writeCheckpoint, buckets ?? throw Missing("buckets"), streams);
    }

    private static CheckpointDiffLine ReadDiff(ref Utf8JsonReader reader)
    {
        OpId? lastOpId = null;
        ulong? writeCheckpoint = null;
        IReadOnlyList<BucketDescription>? updated = null;
        IReadOnlyList<string>? removed = null;

        JsonText.Expect(ref reader, JsonTokenType.StartObject, "checkpoint_diff");
        while (NextField(ref reader))
        {
            if (Is(ref reader, "last_op_id"u8))
                lastOpId = JsonText.OpId(ref reader, "last_op_id");
            else if (Is(ref reader, "write_checkpoint"u8))
                writeCheckpoint = ReadWriteCheckpoint(ref reader);
            else if (Is(ref reader, "updated_buckets"u8))
                updated = DescriptionReader.ReadBuckets(ref reader, "updated_buckets");
            else if (Is(ref reader, "removed_buckets"u8))
                removed = DescriptionReader.ReadNames(ref reader, "removed_buckets");
            else
                SkipField(ref reader);
        }
        return new CheckpointDiffLine(
            lastOpId ?? throw Missing("last_op_id"),
            writeCheckpoint,
            updated ?? throw Missing("updated_buckets"),
            removed ?? throw Missing("removed_buckets"));
    }

    private static OpId ReadComplete(ref Utf8JsonReader reader, out int? priority)
    {
        OpId? lastOpId = null;
        priority = null;
        JsonText.Expect(ref reader, JsonTokenType.StartObject, "checkpoint_complete");
        while (NextField(ref reader))
        {
            if (Is(ref reader, "last_op_id"u8))
                lastOpId = JsonText.OpId(ref reader, "last_op_id");
            else if (Is(ref reader, "priority"u8))
                priority = JsonText.Int32(ref reader, "priority");
            else
                SkipField(ref reader);
        }
        return lastOpId ?? throw Missing("last_op_id");
    }

    private static ulong? ReadWriteCheckpoint(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.Null ? null : (ulong)JsonText.Decimal(ref reader, "write_checkpoint");

    /// <summary>Moves to the next property name, or past the object's end.</summary>
    internal static bool NextField(ref Utf8JsonReader reader)
    {
        JsonText.Next(ref reader);
        return reader.TokenType == JsonTokenType.PropertyName;
    }

    /// <summary>When the reader stands on this property, moves to its value.</summary>
    internal static bool Is(ref Utf8JsonReader reader, ReadOnlySpan<byte> name)
    {
        if (!reader.ValueTextEquals(name))
            return false;
        JsonText.Next(ref reader);
        return true;
    }

    internal static void SkipField(ref Utf8JsonReader reader)
    {
        JsonText.Next(ref reader);
        reader.Skip();
    }

    internal static BucketsException Missing(string field) => JsonText.Malformed($"'{field}' is missing.");
}
