using System.Globalization;
using System.Text.Json.Nodes;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Conformance;

/// <summary>One case of a <c>.cases</c> file: a rules file and what must come of it, in the notation of the language reference.</summary>
/// <remarks>
/// <code>
/// === 9.2 A null parameter is kept          the section, and what is claimed
/// bucket_definitions: …                     the rules file, up to the first line that starts with '&gt; '
/// &gt; version 5                               optional: number of the configuration
/// &gt; schema lists(id, owner)                 optional: a table that the source is known to have
/// &gt; refused 4:9 sql_syntax text             every error: place, class, offending text to the end of its line
/// &gt; warns 4:9 identifier_case Id            every warning, likewise; a class alone matches at any place
/// &gt; row tag:schema.table {…}                a row, and under it what comes of it
///   b["x"] table/id {…}                       bucket, client table and id, data
///   index b.1 ["u"] {"p":"x"}                 entry of a parameter query: number, lookup values, record
///   fails data
/// &gt; request {token}                         a request: its other parts, then its buckets
///   parameters: {…}
///   defaults: no
///   subscription: stream {…} priority
///   row: table {…}                            a row that only this request's lookups see
///   b["x"] priority 1 for default,0           priority 3 and 'for default' go without saying
///   sees table/id table/id                    in place of buckets, what the client can see
///   fails stream                              a stream that fails, or 'fails' for the whole request
/// </code>
/// </remarks>
internal sealed record ConformanceCase(string Title, string Yaml, IReadOnlyList<ConformanceStep> Steps)
{
    public static IEnumerable<ConformanceCase> ReadAll(string text)
    {
        foreach (var block in ("\n" + text.Replace("\r\n", "\n", StringComparison.Ordinal)).Split("\n=== ")[1..])
        {
            var lines = block.Split('\n');
            var first = Array.FindIndex(lines, line => line.StartsWith("> ", StringComparison.Ordinal));
            var body = first < 0 ? lines.Length : first;
            yield return new ConformanceCase(lines[0], string.Join('\n', lines[1..body]), [.. ReadSteps(lines[body..])]);
        }
    }

    private static IEnumerable<ConformanceStep> ReadSteps(string[] lines)
    {
        for (var index = 0; index < lines.Length; index++)
        {
            if (!lines[index].StartsWith("> ", StringComparison.Ordinal))
                continue;
            var words = lines[index][2..].Split(' ', 2);
            var details = lines.Skip(index + 1).TakeWhile(line => line.StartsWith("  ", StringComparison.Ordinal)).Select(line => line.Trim());
            yield return new ConformanceStep(words[0], words.Length > 1 ? words[1] : "", [.. details]);
        }
    }

    public IEnumerable<ConformanceStep> StepsOf(string kind) => Steps.Where(step => step.Kind == kind);

    /// <summary>The case as a conformance vector without expectations.</summary>
    public string ToVector()
    {
        var vector = new JsonObject
        {
            ["id"] = Title,
            ["yaml"] = Yaml,
            ["default_schema"] = "public",
            ["rows"] = new JsonArray([.. StepsOf("row").Select(step => Row(step.Text))]),
            ["requests"] = new JsonArray([.. StepsOf("request").Select(Request)]),
        };
        if (StepsOf("version").FirstOrDefault() is { } version)
            vector["sync_rules_version"] = int.Parse(version.Text, CultureInfo.InvariantCulture);
        return vector.ToJsonString();
    }

    /// <summary>The tables that the source is known to have; null when nothing is known.</summary>
    public IReadOnlyList<SourceTable>? Schema()
    {
        var tables = StepsOf("schema").Select(step => KnownTable(step.Text)).ToList();
        return tables.Count == 0 ? null : tables;
    }

    private static SourceTable KnownTable(string text)
    {
        var parts = text.TrimEnd(')').Split('(');
        var columns = parts[1].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return RuleSetHarness.Table(parts[0], [.. columns.Select(name => (name, RuleSetHarness.Text))]);
    }

    private static JsonNode Row(string text)
    {
        var split = text.IndexOf(" {", StringComparison.Ordinal);
        var name = text[..split];
        var row = new JsonObject { ["record"] = JsonNode.Parse(text[split..]) };
        if (name.IndexOf(':', StringComparison.Ordinal) is >= 0 and var colon)
        {
            row["connection"] = name[..colon];
            name = name[(colon + 1)..];
        }
        var dot = name.IndexOf('.', StringComparison.Ordinal);
        row["schema"] = dot < 0 ? "public" : name[..dot];
        row["table"] = name[(dot + 1)..];
        return row;
    }

    private static JsonNode Request(ConformanceStep step)
    {
        var request = new JsonObject { ["jwt"] = JsonNode.Parse(step.Text), ["parameters"] = new JsonObject() };
        foreach (var detail in step.Details)
        {
            var parts = detail.Split(": ", 2);
            switch (parts[0])
            {
                case "parameters":
                    request["parameters"] = JsonNode.Parse(parts[1]);
                    break;
                case "defaults":
                    request["include_defaults"] = parts[1] != "no";
                    break;
                case "subscription":
                    ListOf(request, "subscriptions").Add(Subscription(parts[1]));
                    break;
                case "row":
                    ListOf(request, "parameter_rows").Add(Row(parts[1]));
                    break;
            }
        }
        return request;
    }

    private static JsonNode Subscription(string text)
    {
        var parts = text.Split(' ', 2);
        var end = parts[1].LastIndexOf(' ');
        var hasPriority = end > 0 && int.TryParse(parts[1][end..], CultureInfo.InvariantCulture, out _);
        var subscription = new JsonObject
        {
            ["stream"] = parts[0],
            ["parameters"] = JsonNode.Parse(hasPriority ? parts[1][..end] : parts[1]),
        };
        if (hasPriority)
            subscription["priority"] = int.Parse(parts[1][end..], CultureInfo.InvariantCulture);
        return subscription;
    }

    private static JsonArray ListOf(JsonObject owner, string name) => (JsonArray)(owner[name] ??= new JsonArray());
}

/// <summary>A line of a case that starts with <c>&gt;</c>, and the indented lines under it.</summary>
internal sealed record ConformanceStep(string Kind, string Text, IReadOnlyList<string> Details)
{
    private static readonly string[] Inputs = ["parameters: ", "defaults: ", "subscription: ", "row: "];

    /// <summary>What must come of it.</summary>
    public IEnumerable<string> Expected => Details.Where(detail => !Inputs.Any(input => detail.StartsWith(input, StringComparison.Ordinal)));
}
