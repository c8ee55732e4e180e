using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>
/// For random queries, rows and requests, the rows in a request's buckets are those that a nested loop over all rows finds. The nested loop shares
/// no code with the compiler.
/// </summary>
public sealed class StreamEquivalenceTests
{
    private const int Rounds = 1500;

    private static readonly string[] Columns = ["id", "x", "y", "z"];
    private static readonly string[] Tables = ["t", "a", "b"];

    [Fact]
    public void A_request_sees_exactly_the_rows_that_its_query_selects()
    {
        var compared = 0;
        for (var seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            var condition = Condition.Random(random, depth: 3);
            var yaml = $"config: {{edition: 3}}\nstreams:\n  s:\n    auto_subscribe: true\n    query: \"SELECT t.* FROM t, a, b WHERE {condition.Sql}\"\n";
            if (RuleSet.Parse(yaml, new RuleSetOptions()).Rules is null)
                continue; // the condition relates tables in a way that buckets cannot express

            compared++;
            var data = Tables.ToDictionary(table => table, table => RandomRows(random));
            var rules = new RuleSetHarness(yaml);
            var buckets = new Dictionary<string, List<string>>();
            foreach (var table in Tables)
            {
                foreach (var row in data[table])
                    Put(rules, table, row, buckets);
            }

            foreach (var user in new[] { "0", "1", "2" })
                AssertSame(rules, buckets, data, condition, user, seed);
        }
        Assert.True(compared > Rounds / 4, $"only {compared} queries compiled");
    }

    private static void AssertSame(
        RuleSetHarness rules, Dictionary<string, List<string>> buckets, Dictionary<string, List<string?[]>> data, Condition condition, string user, int seed)
    {
        var visible = rules.BucketNames($$"""{"sub":"{{user}}"}""")
            .SelectMany(bucket => buckets.GetValueOrDefault(bucket, [])).Distinct().Order().ToList();
        var expected = (
            from t in data["t"]
            where data["a"].Exists(a => data["b"].Exists(b => condition.Holds(table => table switch { "t" => t, "a" => a, _ => b }, user)))
            select t[0]!).Distinct().Order().ToList();

        Assert.True(expected.SequenceEqual(visible), $"seed {seed}, user {user}: {condition.Sql}\nexpected {string.Join(' ', expected)}\nvisible {string.Join(' ', visible)}");
    }

    private static void Put(RuleSetHarness rules, string table, string?[] row, Dictionary<string, List<string>> buckets)
    {
        foreach (var line in rules.Put(table, [.. Columns.Zip(row)]).Where(line => line.StartsWith("bucket ", StringComparison.Ordinal)))
        {
            var bucket = line["bucket ".Length..];
            if (!buckets.TryGetValue(bucket, out var rows))
                buckets[bucket] = rows = [];
            rows.Add(row[0]!);
        }
    }

    // Never empty: a source that an alternative does not use is ignored, where a nested loop would find nothing in an empty one.
    private static List<string?[]> RandomRows(Random random) =>
    [
        .. Enumerable.Range(0, random.Next(1, 6)).Select(id => new[] { $"{id}", Value(random), Value(random), Value(random) }),
    ];

    private static string? Value(Random random) => random.Next(5) == 0 ? null : $"{random.Next(3)}";

    /// <summary>A condition as SQL and as a function.</summary>
    private sealed record Condition(string Sql, Func<Func<string, string?[]>, string, bool> Holds)
    {
        public static Condition Random(Random random, int depth)
        {
            if (depth == 0 || random.Next(4) == 0)
                return Atom(random);
            var left = Random(random, depth - 1);
            var right = Random(random, depth - 1);
            return random.Next(3) == 0
                ? new Condition($"({left.Sql} OR {right.Sql})", (rows, user) => left.Holds(rows, user) || right.Holds(rows, user))
                : new Condition($"({left.Sql} AND {right.Sql})", (rows, user) => left.Holds(rows, user) && right.Holds(rows, user));
        }

        private static Condition Atom(Random random)
        {
            var (table, column) = (Tables[random.Next(3)], random.Next(1, 4));
            var name = $"{table}.{Columns[column]}";
            switch (random.Next(6))
            {
                case 0:
                    return new Condition($"{name} = '1'", (rows, _) => rows(table)[column] == "1");
                case 1:
                    return new Condition($"NOT {name} = '2'", (rows, _) => rows(table)[column] != "2");
                case 2 or 3:
                    return new Condition($"{name} = auth.user_id()", (rows, user) => rows(table)[column] == user);
                default:
                    var (other, otherColumn) = (Tables[random.Next(3)], random.Next(1, 4));
                    return new Condition(
                        $"{name} = {other}.{Columns[otherColumn]}",
                        (rows, _) => rows(table)[column] is { } value && value == rows(other)[otherColumn]);
            }
        }
    }
}
