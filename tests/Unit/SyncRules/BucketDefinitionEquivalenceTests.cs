using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>
/// For random parameter queries, rows and requests, the rows in a request's buckets are those that comparing every row with every row of the
/// parameter table finds. The comparison shares no code with the compiler.
/// </summary>
public sealed class BucketDefinitionEquivalenceTests
{
    private const int Rounds = 1500;

    private static readonly string[] Columns = ["id", "x", "y", "z"];

    [Fact]
    public void A_request_sees_exactly_the_rows_that_its_parameters_reach()
    {
        var compared = 0;
        for (var seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            var condition = Condition.Random(random, depth: 3);
            var yaml = $"""
                bucket_definitions:
                  b:
                    parameters: SELECT x AS p FROM lists WHERE {condition.Sql}
                    data:
                      - SELECT id FROM rows WHERE z = bucket.p AND y != '2'
                """;
            if (RuleSet.Parse(yaml, new RuleSetOptions()).Rules is null)
                continue; // OR over different parameters, or a negated match

            compared++;
            var rules = new RuleSetHarness(yaml);
            var lists = RandomRows(random);
            var rows = RandomRows(random);
            foreach (var list in lists)
                rules.Put("lists", [.. Columns.Zip(list)]);
            var buckets = rows.SelectMany(row => rules.Put("rows", [.. Columns.Zip(row)])
                .Where(line => line.StartsWith("bucket ", StringComparison.Ordinal))
                .Select(line => (Bucket: line["bucket ".Length..], Id: row[0]!))).ToList();

            foreach (var user in new[] { "0", "1", "2" })
            {
                var names = rules.BucketNames($$"""{"sub":"{{user}}","role":"{{seed % 2}}"}""").ToHashSet();
                var visible = buckets.Where(entry => names.Contains(entry.Bucket)).Select(entry => entry.Id).Distinct().Order();
                var expected = rows.Where(row => row[2] is { } y && y != "2" && lists.Exists(list =>
                    list[1] is { } p && p == row[3] && condition.Holds(list, user, $"{seed % 2}") == true)).Select(row => row[0]!).Order();
                Assert.True(expected.SequenceEqual(visible), $"seed {seed}, user {user}: {condition.Sql}");
            }
        }
        Assert.True(compared > Rounds / 4, $"only {compared} queries compiled");
    }

    private static List<string?[]> RandomRows(Random random) =>
        [.. Enumerable.Range(0, random.Next(6)).Select(id => new[] { $"{id}", Value(random), Value(random), Value(random) })];

    private static string? Value(Random random) => random.Next(5) == 0 ? null : $"{random.Next(3)}";

    /// <summary>A condition as SQL and as a function: comparisons with null are unknown, everything built on them is true or false.</summary>
    private sealed record Condition(string Sql, Func<string?[], string, string, bool?> Holds)
    {
        public static Condition Random(Random random, int depth)
        {
            if (depth == 0 || random.Next(4) == 0)
                return Atom(random);
            var left = Random(random, depth - 1);
            if (random.Next(6) == 0)
                return new Condition($"NOT ({left.Sql})", (row, user, role) => left.Holds(row, user, role) != true);
            var right = Random(random, depth - 1);
            return random.Next(3) == 0
                ? new Condition($"({left.Sql} OR {right.Sql})", (row, user, role) => left.Holds(row, user, role) == true || right.Holds(row, user, role) == true)
                : new Condition($"({left.Sql} AND {right.Sql})", (row, user, role) => left.Holds(row, user, role) == true && right.Holds(row, user, role) == true);
        }

        private static Condition Atom(Random random)
        {
            var column = random.Next(1, 4);
            var name = Columns[column];
            return random.Next(6) switch
            {
                0 => new Condition($"{name} = '1'", (row, _, _) => row[column] is { } value ? value == "1" : null),
                1 => new Condition($"{name} != '2'", (row, _, _) => row[column] is { } value ? value != "2" : null),
                2 => new Condition($"{name} IS NULL", (row, _, _) => row[column] is null),
                3 => new Condition("request.jwt() ->> 'role' = '1'", (_, _, role) => role == "1"),
                _ => new Condition($"{name} = request.user_id()", (row, user, _) => row[column] is { } value ? value == user : null),
            };
        }
    }
}
