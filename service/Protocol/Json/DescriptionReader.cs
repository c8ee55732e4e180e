using System.Text.Json;

namespace TopGun.Buckets.Protocol.Json;

/// <summary>Reads the lists inside checkpoint lines: buckets, streams and names.</summary>
internal static class DescriptionReader
{
    /// <summary>What a bucket has when the service does not say: the least urgent of the usual four.</summary>
    private const int DefaultPriority = 3;

    public static List<BucketDescription> ReadBuckets(ref Utf8JsonReader reader, string field)
    {
        var buckets = new List<BucketDescription>();
        JsonText.Expect(ref reader, JsonTokenType.StartArray, field);
        while (NextItem(ref reader))
            buckets.Add(ReadBucket(ref reader));
        return buckets;
    }

    public static List<string> ReadNames(ref Utf8JsonReader reader, string field)
    {
        var names = new List<string>();
        JsonText.Expect(ref reader, JsonTokenType.StartArray, field);
        while (NextItem(ref reader))
            names.Add(JsonText.String(ref reader, field));
        return names;
    }

    public static List<StreamDescription> ReadStreams(ref Utf8JsonReader reader)
    {
        var streams = new List<StreamDescription>();
        if (reader.TokenType == JsonTokenType.Null)
            return streams;
        JsonText.Expect(ref reader, JsonTokenType.StartArray, "streams");
        while (NextItem(ref reader))
            streams.Add(ReadStream(ref reader));
        return streams;
    }

    private static BucketDescription ReadBucket(ref Utf8JsonReader reader)
    {
        string? name = null;
        uint? checksum = null;
        long count = 0;
        var priority = DefaultPriority;
        IReadOnlyList<BucketReason> reasons = [];

        JsonText.Expect(ref reader, JsonTokenType.StartObject, "bucket");
        while (SyncLineReader.NextField(ref reader))
        {
            if (SyncLineReader.Is(ref reader, "bucket"u8))
                name = JsonText.String(ref reader, "bucket");
            else if (SyncLineReader.Is(ref reader, "checksum"u8))
                checksum = JsonText.Checksum(ref reader, "checksum");
            else if (SyncLineReader.Is(ref reader, "count"u8))
                count = reader.TokenType == JsonTokenType.Null ? 0 : JsonText.Int64(ref reader, "count");
            else if (SyncLineReader.Is(ref reader, "priority"u8))
                priority = reader.TokenType == JsonTokenType.Null ? DefaultPriority : JsonText.Int32(ref reader, "priority");
            else if (SyncLineReader.Is(ref reader, "subscriptions"u8))
                reasons = ReadReasons(ref reader);
            else
                SyncLineReader.SkipField(ref reader);
        }
        return new BucketDescription(
            name ?? throw SyncLineReader.Missing("bucket"),
            checksum ?? throw SyncLineReader.Missing("checksum"),
            count,
            priority,
            reasons);
    }

    private static List<BucketReason> ReadReasons(ref Utf8JsonReader reader)
    {
        var reasons = new List<BucketReason>();
        if (reader.TokenType == JsonTokenType.Null)
            return reasons;
        JsonText.Expect(ref reader, JsonTokenType.StartArray, "subscriptions");
        while (NextItem(ref reader))
        {
            JsonText.Expect(ref reader, JsonTokenType.StartObject, "subscriptions");
            while (SyncLineReader.NextField(ref reader))
            {
                if (SyncLineReader.Is(ref reader, "default"u8))
                    reasons.Add(new BucketReason(IsDefault: true, JsonText.Int32(ref reader, "default")));
                else if (SyncLineReader.Is(ref reader, "sub"u8))
                    reasons.Add(new BucketReason(IsDefault: false, JsonText.Int32(ref reader, "sub")));
                else
                    SyncLineReader.SkipField(ref reader);
            }
        }
        return reasons;
    }

    private static StreamDescription ReadStream(ref Utf8JsonReader reader)
    {
        string? name = null;
        var isDefault = false;
        IReadOnlyList<StreamError> errors = [];

        JsonText.Expect(ref reader, JsonTokenType.StartObject, "streams");
        while (SyncLineReader.NextField(ref reader))
        {
            if (SyncLineReader.Is(ref reader, "name"u8))
                name = JsonText.String(ref reader, "name");
            else if (SyncLineReader.Is(ref reader, "is_default"u8))
                isDefault = reader.TokenType == JsonTokenType.True;
            else if (SyncLineReader.Is(ref reader, "errors"u8))
                errors = ReadErrors(ref reader);
            else
                SyncLineReader.SkipField(ref reader);
        }
        return new StreamDescription(name ?? throw SyncLineReader.Missing("name"), isDefault, errors);
    }

    private static List<StreamError> ReadErrors(ref Utf8JsonReader reader)
    {
        var errors = new List<StreamError>();
        if (reader.TokenType == JsonTokenType.Null)
            return errors;
        JsonText.Expect(ref reader, JsonTokenType.StartArray, "errors");
        while (NextItem(ref reader))
        {
            int? subscription = null;
            var message = "";
            JsonText.Expect(ref reader, JsonTokenType.StartObject, "errors");
            while (SyncLineReader.NextField(ref reader))
            {
                if (SyncLineReader.Is(ref reader, "subscription"u8))
                    subscription = reader.TokenType == JsonTokenType.String ? null : JsonText.Int32(ref reader, "subscription");
                else if (SyncLineReader.Is(ref reader, "message"u8))
                    message = JsonText.String(ref reader, "message");
                else
                    SyncLineReader.SkipField(ref reader);
            }
            errors.Add(new StreamError(subscription, message));
        }
        return errors;
    }

    private static bool NextItem(ref Utf8JsonReader reader)
    {
        JsonText.Next(ref reader);
        return reader.TokenType != JsonTokenType.EndArray;
    }
}
