using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>
/// For random extended bucket definitions, rows and requests, the rows in a request's buckets are those that a nested loop over all rows finds.
/// The nested loop shares no code with the compiler.
/// </summary>
public sealed class ExtendedDefinitionEquivalenceTests
{
    private const int Rounds = 1200;

    private static readonly string[] Columns = ["id", "x", "y", "z"];
    private static readonly string[] Tables = ["t", "a", "m"];

    [Fact]
    public void A_request_sees_exactly_the_rows_that_a_nested_loop_finds()
    {
        var compared = 0;
        for (var seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            var parameter = Condition.Random(random, 1, ["m"], names: false);
            var data = Condition.Random(random, 3, ["t", "a"], names: true);
            var yaml = $"""
                config: {"{extended_bucket_definitions: true}"}
                bucket_definitions:
                  b:
                    parameters:
                      - SELECT m.x AS p, m.y AS q FROM m WHERE {parameter.Sql}
                    data:
                      - SELECT t.* FROM t, a WHERE {data.Sql}
                """;
            if (RuleSet.Parse(yaml, new RuleSetOptions()).Rules is null)
                continue; // a parameter is not used, or tables are related in a way that buckets cannot express

            compared++;
            var rows = Tables.ToDictionary(table => table, _ => RandomRows(random));
            var rules = new RuleSetHarness(yaml);
            var entries = Tables.SelectMany(table => rows[table].SelectMany(row => rules.Put(table, [.. Columns.Zip(row)])
                .Where(line => line.StartsWith("bucket ", StringComparison.Ordinal))
                .Select(line => (Bucket: line["bucket ".Length..], Id: row[0]!)))).ToList();
            foreach (var user in new[] { "0", "1", "2" })
            {
                var names = rules.BucketNames($$"""{"sub":"{{user}}"}""").ToHashSet();
                var visible = entries.Where(entry => names.Contains(entry.Bucket)).Select(entry => entry.Id).Distinct().Order();
                var expected = rows["t"].Where(t => rows["m"].Exists(m =>
                    parameter.Holds(_ => m, user) == true
                    && rows["a"].Exists(a => data.Holds(name => name switch { "t" => t, "a" => a, _ => m }, user) == true))).Select(t => t[0]!).Order();
                Assert.True(expected.SequenceEqual(visible), $"seed {seed}, user {user}: {yaml}");
            }
        }
        Assert.True(compared > Rounds / 5, $"only {compared} definitions compiled");
    }

    // Never empty: a source that an alternative does not use is ignored, where a nested loop would find nothing in an empty one.
    private static List<string?[]> RandomRows(Random random) =>
        [.. Enumerable.Range(0, random.Next(1, 5)).Select(id => new[] { $"{id}", Value(random), Value(random), Value(random) })];

    private static string? Value(Random random) => random.Next(5) == 0 ? null : $"{random.Next(3)}";

    /// <summary>A condition as SQL and as a function: a comparison with null is unknown, everything built on it is true or false.</summary>
    private sealed record Condition(string Sql, Func<Func<string, string?[]>, string, bool?> Holds)
    {
        public static Condition Random(Random random, int depth, string[] tables, bool names)
        {
            if (depth == 0 || random.Next(5) == 0)
                return Atom(random, tables, names);
            var left = Random(random, depth - 1, tables, names);
            var right = Random(random, depth - 1, tables, names);
            return random.Next(3) == 0
                ? new Condition($"({left.Sql} OR {right.Sql})", (rows, user) => left.Holds(rows, user) == true || right.Holds(rows, user) == true)
                : new Condition($"({left.Sql} AND {right.Sql})", (rows, user) => left.Holds(rows, user) == true && right.Holds(rows, user) == true);
        }

        private static Condition Atom(Random random, string[] tables, bool names)
        {
            var (table, column) = (tables[random.Next(tables.Length)], random.Next(1, 4));
            var name = $"{table}.{Columns[column]}";
            switch (random.Next(names ? 7 : 3))
            {
                case 0:
                    return new Condition($"{name} = '1'", (rows, _) => Same(rows(table)[column], "1"));
                case 1:
                    return new Condition($"{name} != '2'", (rows, _) => !Same(rows(table)[column], "2"));
                case 2:
                    return new Condition($"{name} = request.user_id()", (rows, user) => Same(rows(table)[column], user));
                case 3:
                    var (other, otherColumn) = (tables[random.Next(tables.Length)], random.Next(1, 4));
                    return new Condition($"{name} = {other}.{Columns[otherColumn]}", (rows, _) => Same(rows(table)[column], rows(other)[otherColumn]));
                case 4:
                    return new Condition($"{name} = bucket.q", (rows, _) => Same(rows(table)[column], rows("m")[2]));
                default:
                    return new Condition($"{name} = bucket.p", (rows, _) => Same(rows(table)[column], rows("m")[1]));
            }
        }

        private static bool? Same(string? left, string? right) => left is null || right is null ? null : left == right;
    }
}
