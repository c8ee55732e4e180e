using System.Text.Json;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Unit.SyncRules.Properties.Sqlite;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Properties;

/// <summary>
/// For random rules, rows and requests, the rows in a request's buckets are those that the same SQL selects from all rows in SQLite.
/// </summary>
public sealed class SqlEquivalenceTests
{
    [Fact]
    public void A_bucket_definition_gives_what_its_queries_select() => Compare(RandomRules.Definition, rounds: 250);

    [Fact]
    public void An_extended_bucket_definition_gives_what_its_queries_select() => Compare(RandomRules.Extended, rounds: 600);

    [Fact]
    public void A_stream_gives_what_its_queries_select() => Compare(RandomRules.Stream3, rounds: 300);

    [Fact]
    public void A_preview_stream_gives_what_its_query_selects() => Compare(RandomRules.Stream2, rounds: 200);

    private static void Compare(Func<Random, RandomRules> generate, int rounds)
    {
        var tried = 0;
        var compared = 0;
        var telling = 0;
        foreach (var seed in PropertyRun.Seeds(rounds))
        {
            var random = new Random(seed);
            var rules = generate(random);
            tried++;
            if (RuleSet.Parse(rules.Yaml, new RuleSetOptions()).Rules is null)
                continue; // the conditions relate row and request in a way that buckets cannot express

            compared++;
            var data = new SampleData(random);
            var harness = new RuleSetHarness(rules.Yaml);
            var buckets = Fill(harness, data, $"seed {seed}\n{rules.Yaml}");
            using var sqlite = new SqliteOracle(data);
            for (var request = 0; request < 3; request++)
                telling += AssertSame(harness, buckets, sqlite, rules, SampleData.Request(random), seed) ? 1 : 0;
        }
        Assert.True(compared > tried / 3, $"only {compared} of {tried} files compiled");
        Assert.True(telling > compared / 8, $"only {telling} requests of {compared} files see some rows, but not all");
    }

    /// <returns>Whether the request sees some of the rows, but not all.</returns>
    private static bool AssertSame(
        RuleSetHarness harness, Dictionary<string, List<string>> buckets, SqliteOracle sqlite, RandomRules rules, SampleRequest request, int seed)
    {
        StreamSubscription[] subscriptions = rules.Stream is null
            ? []
            : [.. request.Subscriptions.Select(parameters => new StreamSubscription(rules.Stream, RuleSetHarness.Json(JsonSerializer.Serialize(parameters)), null))];
        var resolution = harness.Resolve(JsonSerializer.Serialize(request.Token), JsonSerializer.Serialize(request.Connection), subscriptions);
        var visible = resolution.Buckets.SelectMany(bucket => buckets.GetValueOrDefault(bucket.Name, [])).Distinct().Order(StringComparer.Ordinal).ToList();

        var runs = (rules.IsDefault ? [null] : Array.Empty<Dictionary<string, object?>?>()).Concat(rules.Stream is null ? [] : request.Subscriptions);
        var expected = runs.SelectMany(subscription => rules.Queries.SelectMany(query => sqlite.Rows(query, request, subscription)))
            .Distinct().Order(StringComparer.Ordinal).ToList();

        Assert.All(resolution.Streams, stream => Assert.Empty(stream.Errors));
        Assert.True(
            expected.SequenceEqual(visible),
            $"seed {seed}\n{rules.Yaml}\n{string.Join("\n", rules.Queries)}\nrequest {JsonSerializer.Serialize(request)}\n"
            + $"missing {string.Join(" ", expected.Except(visible))}\ntoo many {string.Join(" ", visible.Except(expected))}");
        return expected.Count > 0 && expected.Count < buckets.Values.SelectMany(rows => rows).Distinct().Count();
    }

    /// <summary>Evaluates every row and keeps what each bucket holds.</summary>
    private static Dictionary<string, List<string>> Fill(RuleSetHarness harness, SampleData data, string what)
    {
        var buckets = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (var (table, rows) in data.Rows)
        {
            foreach (var row in rows)
            {
                var output = "";
                foreach (var line in harness.Put(SampleData.Source(table), RuleSetHarness.Row(row)))
                {
                    Assert.False(line.StartsWith("error ", StringComparison.Ordinal), $"{what}\n{line}");
                    if (line.StartsWith("row ", StringComparison.Ordinal))
                        output = line["row ".Length..];
                    else if (line.StartsWith("bucket ", StringComparison.Ordinal))
                        Add(buckets, line["bucket ".Length..], output);
                }
            }
        }
        return buckets;
    }

    private static void Add(Dictionary<string, List<string>> buckets, string bucket, string row)
    {
        if (!buckets.TryGetValue(bucket, out var rows))
            buckets[bucket] = rows = [];
        rows.Add(row);
    }
}
