using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.SyncRules.Explain;
using TopGun.Buckets.SyncRules.Vectors;
using TopGun.Buckets.Tests.Unit.Compose;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Explain;

/// <summary>An explanation is worth nothing when it tells other buckets than the service gives.</summary>
public sealed partial class ExplanationEquivalenceTests
{
    public static IEnumerable<TheoryDataRow<string, string>> Vectors() => File
        .ReadLines(Repository.Path("tests/Unit/SyncRules/Vectors/sync-rules.jsonl"))
        .Select(line => (Line: line, Vector: JsonElement.Parse(line)))
        .Where(one => !one.Vector.TryGetProperty("expect_error", out _) && Items(one.Vector, "rows").All(IsPlain))
        .Select(one => new TheoryDataRow<string, string>(one.Vector.GetProperty("id").GetString()!, one.Line));

    [Theory]
    [MemberData(nameof(Vectors))]
    public void An_explanation_tells_the_buckets_that_the_service_gives(string id, string line)
    {
        var vector = JsonElement.Parse(line);
        var rules = RuleSet.Parse(vector.GetProperty("yaml").GetString()!, new RuleSetOptions()).Rules!;
        var expected = JsonElement.Parse(VectorRunner.Run(line));
        var index = new Dictionary<string, List<FoundEntry>>();

        var rows = Items(vector, "rows").Select((row, number) => Explain(rules, row, number, index)).ToList();

        for (var number = 0; number < rows.Count; number++)
        {
            var buckets = Items(expected, "rows").Where(entry => entry.GetProperty("row").GetInt32() == number).Select(Bucket).Distinct().Order(StringComparer.Ordinal);
            Assert.Equal(buckets, rows[number].Buckets);
            Assert.All(rows[number].Queries, query => Assert.Equal(
                query.Buckets.Count > 0, query.Problem is null && query.Ways.Any(way => way.WhyNone is null)));
            Assert.All(rows[number].Lookups, lookup => Assert.Equal(
                lookup.Entries.Count > 0, lookup.Problem is null && lookup.Ways.Any(way => way.WhyNone is null)));
        }
        foreach (var (request, answer) in Items(vector, "requests").Zip(Items(expected, "requests")))
        {
            if (request.TryGetProperty("parameter_rows", out _))
                continue;
            var user = Explain(rules, request, index);
            Assert.Equal(Items(answer, "buckets").Select(Bucket), user.Buckets.Select(bucket => bucket.Name));
            Assert.Equal(answer.GetProperty("error").ValueKind == JsonValueKind.Null, user.Problem is null);
            if (user.Problem is null)
            {
                var told = user.Definitions.SelectMany(definition => definition.Ways).SelectMany(way => way.Buckets).Distinct().Order(StringComparer.Ordinal);
                Assert.Equal(user.Buckets.Select(bucket => bucket.Name), told);
            }
        }
        Assert.NotEmpty(id);
    }

    [Fact]
    public void There_is_something_to_compare() => Assert.True(Vectors().Count() >= 50);

    private static RowExplanation Explain(RuleSet rules, JsonElement row, int number, Dictionary<string, List<FoundEntry>> index)
    {
        var schema = row.TryGetProperty("schema", out var name) ? name.GetString()! : "public";
        var members = row.GetProperty("record").EnumerateObject().ToList();
        var columns = members.Select(member => new SourceColumn(member.Name, TypeOf(member.Value), -1, IsKey: false)).ToList();
        var table = new SourceTable(1, schema, row.GetProperty("table").GetString()!, columns, ReplicaIdentity.Default);
        var values = RuleSetHarness.Row([.. members.Select(member => TextOf(member.Value))]);
        var sink = new CollectingSink();
        rules.ForTable(table).Evaluate(values, sink);
        foreach (var (key, record) in sink.Lookups)
        {
            if (!index.TryGetValue(key, out var entries))
                index[key] = entries = [];
            entries.Add(new FoundEntry(record, number.ToString(CultureInfo.InvariantCulture)));
        }
        return RowExplainer.Explain(rules, table, values);
    }

    private static UserExplanation Explain(RuleSet rules, JsonElement request, Dictionary<string, List<FoundEntry>> index)
    {
        var subscriptions = Items(request, "subscriptions").Select(one => new StreamSubscription(
            one.GetProperty("stream").GetString()!,
            one.TryGetProperty("parameters", out var parameters) ? parameters : default,
            one.TryGetProperty("priority", out var priority) && priority.ValueKind == JsonValueKind.Number ? priority.GetInt32() : null));
        var explainer = new UserExplainer(rules, new BucketRequest(
            request.TryGetProperty("jwt", out var token) ? token : default,
            request.TryGetProperty("parameters", out var connection) ? connection : default,
            !request.TryGetProperty("include_defaults", out var defaults) || defaults.GetBoolean(),
            [.. subscriptions]));
        while (explainer.Pending.Count > 0)
        {
            foreach (var key in explainer.Pending)
                explainer.Supply(key, index.TryGetValue(key, out var entries) ? entries : []);
            explainer.Advance();
        }
        return explainer.Explain();
    }

    // Values that a column of an ordinary type can hold; a row of another connection is another matter.
    private static bool IsPlain(JsonElement row) => !row.TryGetProperty("connection", out _) && row.GetProperty("record").EnumerateObject()
        .All(member => member.Value.ValueKind != JsonValueKind.Array && (member.Value.ValueKind != JsonValueKind.Object || Tag(member.Value) is "$real" or "$json"));

    private static string Tag(JsonElement value) => value.EnumerateObject().First().Name;

    private static uint TypeOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Number => value.TryGetInt64(out _) ? RuleSetHarness.Integer : 701,
        JsonValueKind.True or JsonValueKind.False => 16,
        JsonValueKind.Object when Tag(value) == "$real" => 701,
        _ => RuleSetHarness.Text,
    };

    private static string? TextOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.True => "t",
        JsonValueKind.False => "f",
        JsonValueKind.Object when Tag(value) == "$real" => value.GetProperty("$real").GetRawText(),
        JsonValueKind.Object => value.GetProperty("$json").GetString(),
        _ => value.ToString(),
    };

    private static string Bucket(JsonElement entry) => Version().Replace(entry.GetProperty("bucket").GetString()!, "");

    private static IEnumerable<JsonElement> Items(JsonElement owner, string name) =>
        owner.TryGetProperty(name, out var items) && items.ValueKind == JsonValueKind.Array ? items.EnumerateArray() : [];

    [GeneratedRegex("^[0-9]+#")]
    private static partial Regex Version();
}
