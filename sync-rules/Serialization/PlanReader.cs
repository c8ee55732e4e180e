using System.Text.Json;
using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Serialization;

/// <summary>Reads what <see cref="PlanWriter"/> wrote.</summary>
internal sealed class PlanReader
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 16 };

    private readonly RulesSettings _settings;
    private readonly List<DefinitionPlan> _definitions = [];
    private readonly List<DataPlan> _data = [];
    private readonly List<LookupPlan> _lookups = [];
    private readonly List<ResolutionPlan> _resolutions = [];

    private PlanReader(RulesSettings settings) => _settings = settings;

    /// <exception cref="FormatException">The text is no plan, or one in a form that this version does not know.</exception>
    public static (RulesPlan Plan, RulesSettings Settings) Read(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text, Options);
            var root = document.RootElement;
            if (root.GetProperty("form").GetInt32() is var form && form is < 1 or > PlanWriter.Form)
                throw new FormatException($"The plan has the form {form}; this version reads forms up to {PlanWriter.Form}.");
            var reader = new PlanReader(SettingsJson.Read(root.GetProperty("settings")));
            foreach (var definition in root.GetProperty("definitions").EnumerateArray())
                reader.ReadDefinition(definition);
            return (new RulesPlan(reader._definitions, reader._data, reader._lookups, reader._resolutions), reader._settings);
        }
        catch (Exception problem) when (problem is JsonException or KeyNotFoundException or InvalidOperationException or ArgumentException or OverflowException or IndexOutOfRangeException)
        {
            throw new FormatException($"The text is not a plan: {problem.Message}", problem);
        }
    }

    private void ReadDefinition(JsonElement json)
    {
        var definition = new DefinitionPlan(
            _definitions.Count, Name(json, "name"), json.GetProperty("stream").GetBoolean(), json.GetProperty("default").GetBoolean())
        {
            IsEvent = json.TryGetProperty("event", out var isEvent) && isEvent.GetBoolean(),
        };
        _definitions.Add(definition);
        var lookups = List(json, "lookups", item => ReadLookup(definition, item));
        _lookups.AddRange(lookups);
        _data.AddRange(List(json, "data", item => ReadData(definition, item)));
        _resolutions.AddRange(List(json, "buckets", item => ReadResolution(definition, lookups, item)));
    }

    private DataPlan ReadData(DefinitionPlan definition, JsonElement json)
    {
        var columns = List(json, "columns", Text);
        var items = List(json, "items", item => item.GetArrayLength() == 1
            ? new OutputItem("*", null)
            : new OutputItem(Text(item[0]), ReadExpression(item[1], columns)));
        return new DataPlan(
            definition,
            ReadTable(json),
            columns,
            json.GetProperty("as").GetString(),
            new Projection(items, json.GetProperty("starDropsUnderscore").GetBoolean()) { Key = List(json, "key", Text) },
            List(json, "memberships", item => (Family(definition, item), ReadMatch(item.GetProperty("match"), columns))));
    }

    private LookupPlan ReadLookup(DefinitionPlan definition, JsonElement json)
    {
        var columns = List(json, "columns", Text);
        return new LookupPlan(
            definition,
            json.GetProperty("number").GetInt32(),
            ReadTable(json),
            columns,
            List(json, "matches", item => ReadMatch(item, columns)),
            Expressions(json, "outputs", columns),
            List(json, "names", Text),
            json.GetProperty("keepsNull").GetBoolean());
    }

    private ResolutionPlan ReadResolution(DefinitionPlan definition, List<LookupPlan> lookups, JsonElement json) => new(
        Family(definition, json),
        json.GetProperty("priority").GetInt32(),
        Expressions(json, "filters", []),
        List(json, "sources", item => ReadSource(lookups, item)),
        List<IReadOnlyList<ResolvedValue>>(json, "keys", values => [.. values.EnumerateArray().Select(ReadValue)]),
        json.GetProperty("keepsNull").GetBoolean(),
        json.GetProperty("mergesEqual").GetBoolean());

    private ResolutionSource ReadSource(List<LookupPlan> lookups, JsonElement json) => json.TryGetProperty("lookup", out var number)
        ? new LookupRows(lookups.Single(lookup => lookup.Number == number.GetInt32()), List(json, "keys", ReadValue))
        : new RequestRows(ReadEach(json.GetProperty("each"), []), Expressions(json, "filters", []), Expressions(json, "outputs", []));

    private ResolvedValue ReadValue(JsonElement json) => json.ValueKind == JsonValueKind.Array
        ? new ResolvedValue(null, json[0].GetInt32(), json[1].GetInt32())
        : ResolvedValue.OfRequest(ReadExpression(json, []));

    private RowMatch ReadMatch(JsonElement json, List<string> columns) => new(
        Expressions(json, "filters", columns),
        List(json, "each", item => ReadEach(item, columns)),
        Expressions(json, "keys", columns),
        List(json, "equalities", pair => (ReadExpression(pair[0], columns), ReadExpression(pair[1], columns))));

    private EachSource ReadEach(JsonElement json, List<string> columns) => new(
        ReadExpression(json.GetProperty("input"), columns), json.GetProperty("membership").GetBoolean(), json.GetProperty("index").GetInt32());

    private static TableMatch ReadTable(JsonElement json)
    {
        var table = json.GetProperty("table");
        return new TableMatch(Name(table, "connection"), Name(table, "schema"), Name(table, "name"), table.GetProperty("schemaWildcard").GetBoolean());
    }

    private static BucketFamily Family(DefinitionPlan definition, JsonElement json)
    {
        var variant = json.GetProperty("variant");
        return new BucketFamily(definition, variant.ValueKind == JsonValueKind.Null ? null : variant.GetInt32());
    }

    private List<Expression> Expressions(JsonElement json, string name, List<string> columns) => List(json, name, item => ReadExpression(item, columns));

    private Expression ReadExpression(JsonElement json, List<string> columns) => ExpressionReader.Read(Text(json), columns, _settings);

    private static List<T> List<T>(JsonElement json, string name, Func<JsonElement, T> read) => [.. json.GetProperty(name).EnumerateArray().Select(read)];

    private static string Name(JsonElement json, string name) => Text(json.GetProperty(name));

    private static string Text(JsonElement json) => json.GetString() ?? throw new FormatException("The plan has a null where a text must be.");
}
