using System.Text.Json;
using TopGun.Buckets.SyncRules.Evaluation;

namespace TopGun.Buckets.SyncRules.Vectors;

/// <summary>Runs one request of a conformance vector.</summary>
internal static class VectorRequest
{
    public static void Write(CompiledRuleSet rules, JsonElement request, VectorSink rows, Utf8JsonWriter target)
    {
        IReadOnlyList<ResolvedBucket> buckets = [];
        IReadOnlyList<ResolvedStream> streams = [];
        string? error = null;
        try
        {
            var resolution = (CompiledResolution)rules.BucketsFor(Read(request));
            Resolve(resolution, IndexOf(rules, request, rows));
            buckets = resolution.BucketsByPath;
            streams = resolution.Streams;
        }
        catch (RequestEvaluationException)
        {
            error = "request_error";
        }
        catch (BucketLimitException)
        {
            error = "limit_error";
        }
        target.WriteStartObject();
        WriteBuckets(buckets, target);
        WriteSynced(buckets, rows, target);
        target.WriteStartArray("errors");
        foreach (var stream in streams)
        {
            foreach (var _ in stream.Errors)
            {
                target.WriteStartObject();
                target.WriteString("definition", stream.Name);
                target.WriteString("class", "request_error");
                target.WriteEndObject();
            }
        }
        target.WriteEndArray();
        target.WriteString("error", error);
        target.WriteEndObject();
    }

    private static BucketRequest Read(JsonElement request) => new(
        Member(request, "jwt"),
        Member(request, "parameters"),
        !request.TryGetProperty("include_defaults", out var defaults) || defaults.ValueKind != JsonValueKind.False,
        [.. VectorRunner.Items(request, "subscriptions").Select(subscription => new StreamSubscription(
            subscription.GetProperty("stream").GetString()!,
            Member(subscription, "parameters"),
            subscription.TryGetProperty("priority", out var priority) && priority.ValueKind == JsonValueKind.Number ? priority.GetInt32() : null))]);

    private static JsonElement Member(JsonElement owner, string name) => owner.TryGetProperty(name, out var member) ? member : default;

    private static Dictionary<string, List<ReadOnlyMemory<byte>>> IndexOf(CompiledRuleSet rules, JsonElement request, VectorSink rows)
    {
        var extra = new VectorSink();
        VectorRunner.EvaluateRows(rules, VectorRunner.Items(request, "parameter_rows"), extra);
        var index = new Dictionary<string, List<ReadOnlyMemory<byte>>>(StringComparer.Ordinal);
        foreach (var (_, key, record) in rows.Lookups.Concat(extra.Lookups))
        {
            if (!index.TryGetValue(key, out var records))
                index[key] = records = [];
            records.Add(record);
        }
        return index;
    }

    private static void Resolve(CompiledResolution resolution, Dictionary<string, List<ReadOnlyMemory<byte>>> index)
    {
        while (resolution.Pending.Count > 0)
        {
            foreach (var key in resolution.Pending)
                resolution.Supply(key, index.TryGetValue(key, out var records) ? records : []);
            resolution.Advance();
        }
    }

    private static void WriteBuckets(IReadOnlyList<ResolvedBucket> buckets, Utf8JsonWriter target)
    {
        target.WriteStartArray("buckets");
        foreach (var bucket in buckets)
        {
            target.WriteStartObject();
            target.WriteString("bucket", bucket.Name);
            target.WriteNumber("priority", bucket.Priority);
            target.WriteString("definition", bucket.Definition);
            target.WriteStartArray("reasons");
            foreach (var reason in bucket.Reasons)
            {
                if (reason == CompiledResolution.DefaultReason)
                    target.WriteStringValue("default");
                else
                    target.WriteNumberValue(reason);
            }
            target.WriteEndArray();
            target.WriteEndObject();
        }
        target.WriteEndArray();
    }

    private static void WriteSynced(IReadOnlyList<ResolvedBucket> buckets, VectorSink rows, Utf8JsonWriter target)
    {
        var names = buckets.Select(bucket => bucket.Name).ToHashSet(StringComparer.Ordinal);
        target.WriteStartArray("synced");
        foreach (var (table, id, data) in rows.Entries
            .Where(entry => names.Contains(entry.Bucket))
            .Select(entry => (entry.Table, entry.Id, entry.Data))
            .Distinct())
        {
            target.WriteStartObject();
            target.WriteString("table", table);
            target.WriteString("id", id);
            target.WriteString("data_json", data);
            target.WriteEndObject();
        }
        target.WriteEndArray();
    }
}
