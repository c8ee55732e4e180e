using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Streaming.Sessions;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Streaming.Http;

/// <summary>Reads the body of a stream request. Liberal: unknown members are ignored, null means absent; everything that is wrong is named at once.</summary>
internal sealed class SyncRequestParser
{
    private const int MaxProblems = 20; // a body of nothing but mistakes must not become an answer of the same size
    private const int MaxOpsInAnswer = 1_000_000; // whoever wants more wants a stream
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 64 };

    private static readonly JsonElement NoParameters = JsonElement.Parse("{}"u8);

    private readonly List<string> _problems = [];

    /// <exception cref="SyncException">The body is not a valid request (400).</exception>
    public static SyncRequest Parse(ReadOnlyMemory<byte> body, string? clientIdInQuery)
    {
        using var document = Document(body);
        var parser = new SyncRequestParser();
        var request = parser.Read(document.RootElement, clientIdInQuery);
        if (parser._problems.Count > 0)
            throw SyncException.Invalid(JsonSerializer.Serialize(parser._problems));
        return request;
    }

    /// <summary>Reads any JSON body that has to be an object.</summary>
    /// <exception cref="SyncException">It is no JSON, or no object (400).</exception>
    public static JsonDocument Document(ReadOnlyMemory<byte> body)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(body, Options);
        }
        catch (JsonException error)
        {
            var place = $"line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}";
            throw SyncException.Invalid(JsonSerializer.Serialize(new[] { $"The body is not JSON ({place})." }));
        }
        var problem = document.RootElement.ValueKind != JsonValueKind.Object ? "The body must be a JSON object."
            : !HoldsText(body.Span, document.RootElement) ? "The body holds a text that is not valid Unicode."
            : null;
        if (problem is null)
            return document;
        document.Dispose();
        throw SyncException.Invalid(JsonSerializer.Serialize(new[] { problem }));
    }

    /// <summary>Names and texts are looked at one by one only where the bytes allow that one of them is no text.</summary>
    private static bool HoldsText(ReadOnlySpan<byte> body, JsonElement root) =>
        (Utf8.IsValid(body) && body.IndexOf("\\u"u8) < 0) || JsonText.IsText(root);

    private SyncRequest Read(JsonElement body, string? clientIdInQuery)
    {
        var clientId = Text(body, "client_id", "client_id") ?? clientIdInQuery;
        var streams = Member(body, "streams", JsonValueKind.Object, "an object", "streams");
        CheckMetadata(body);
        return new SyncRequest(
            Buckets(body),
            clientId,
            Flag(body, "raw_data", "raw_data") ?? false,
            Parameters(body, "parameters", "parameters") ?? NoParameters,
            streams is not { } options || (Flag(options, "include_defaults", "streams.include_defaults") ?? true),
            streams is null ? [] : Subscriptions(streams.Value))
        {
            Cursor = Text(body, "cursor", "cursor"),
            MaxOps = Number(body, "max_ops", 1, MaxOpsInAnswer),
        };
    }

    private List<BucketPosition> Buckets(JsonElement body)
    {
        var buckets = new List<BucketPosition>();
        if (Member(body, "buckets", JsonValueKind.Array, "an array", "buckets") is not { } list)
            return buckets;
        foreach (var item in list.EnumerateArray())
        {
            if (item.ValueKind == JsonValueKind.Object
                && item.TryGetProperty("name", out var nameElement) && JsonText.TryRead(nameElement, out var name)
                && item.TryGetProperty("after", out var afterElement) && JsonText.TryRead(afterElement, out var text)
                && OpId.TryParse(text, out var after))
                buckets.Add(new BucketPosition(name, after));
            else
                Problem($"buckets[{buckets.Count}] must be an object with a text 'name' and a decimal text 'after'");
            if (_problems.Count >= MaxProblems)
                break;
        }
        return buckets;
    }

    private List<StreamSubscription> Subscriptions(JsonElement streams)
    {
        var subscriptions = new List<StreamSubscription>();
        if (Member(streams, "subscriptions", JsonValueKind.Array, "an array", "streams.subscriptions") is not { } list)
            return subscriptions;
        foreach (var item in list.EnumerateArray())
        {
            var place = string.Create(CultureInfo.InvariantCulture, $"streams.subscriptions[{subscriptions.Count}]");
            if (item.ValueKind != JsonValueKind.Object)
            {
                Problem($"{place} must be an object");
                break;
            }
            if (Text(item, "stream", $"{place}.stream") is not { } stream)
            {
                Problem($"{place}.stream is missing");
                break;
            }
            // Without parameters a subscription means the default one of an automatic stream; an empty object is another one beside it.
            subscriptions.Add(new StreamSubscription(
                stream, Parameters(item, "parameters", $"{place}.parameters") ?? default, Number(item, "override_priority", 0, 3, $"{place}.override_priority")));
            if (_problems.Count >= MaxProblems)
                break;
        }
        return subscriptions;
    }

    private int? Number(JsonElement parent, string name, int least, int most, string? place = null)
    {
        place ??= name;
        if (Member(parent, name, JsonValueKind.Number, "a number", place) is not { } element)
            return null;
        if (element.TryGetInt32(out var number) && number >= least && number <= most)
            return number;
        Problem(string.Create(CultureInfo.InvariantCulture, $"{place} must be a whole number from {least} to {most}"));
        return null;
    }

    private JsonElement? Parameters(JsonElement parent, string name, string place) =>
        Member(parent, name, JsonValueKind.Object, "an object", place)?.Clone();

    private void CheckMetadata(JsonElement body)
    {
        if (Member(body, "app_metadata", JsonValueKind.Object, "an object", "app_metadata") is not { } metadata)
            return;
        foreach (var member in metadata.EnumerateObject())
        {
            if (member.Value.ValueKind == JsonValueKind.String)
                continue;
            Problem("app_metadata must hold nothing but texts");
            return;
        }
    }

    private string? Text(JsonElement parent, string name, string place)
    {
        return Member(parent, name, JsonValueKind.String, "a text", place)?.GetString();
    }

    private bool? Flag(JsonElement parent, string name, string place)
    {
        if (!parent.TryGetProperty(name, out var element) || element.ValueKind == JsonValueKind.Null)
            return null;
        if (element.ValueKind is JsonValueKind.True or JsonValueKind.False)
            return element.GetBoolean();
        Problem($"{place} must be true or false");
        return null;
    }

    private JsonElement? Member(JsonElement parent, string name, JsonValueKind kind, string kindName, string place)
    {
        if (!parent.TryGetProperty(name, out var element) || element.ValueKind == JsonValueKind.Null)
            return null;
        if (element.ValueKind == kind)
            return element;
        Problem($"{place} must be {kindName}");
        return null;
    }

    private void Problem(string problem)
    {
        if (_problems.Count < MaxProblems)
            _problems.Add(problem);
    }
}
