using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Language;

/// <summary>Whatever an expression computes, over whatever row: a value or a failed row, twice the same, and never an exception.</summary>
public sealed class RandomExpressionTests
{
    private const int Rounds = 1500;

    private static readonly string[] Calls =
    [
        "upper({0})", "lower({0})", "length({0})", "substring({0}, {1}, {2})", "instr({0}, {1})", "hex({0})", "base64({0})", "uuid_blob({0})", "typeof({0})", "ifnull({0}, {1})",
        "iif({0}, {1}, {2})", "unixepoch({0})", "unixepoch({0}, 'unixepoch', 'subsec')", "datetime({0}, 'unixepoch')", "datetime({0})", "json_extract({0}, '$.a')", "({0} ->> 'a')",
        "({0} -> '$.b.1')", "json_array_length({0})", "json_valid({0})", "json_keys({0})", "st_asgeojson({0})", "st_astext({0})", "st_x({0})", "({0} IN {1})", "({0} || {1})",
        "({0} + {1})", "({0} * {1})", "({0} - {1})", "({0} / {1})", "({0} < {1})", "({0} = {1})", "({0} AND {1})", "(NOT {0})", "({0} IS NULL)", "CAST({0} AS integer)",
        "CAST({0} AS numeric)", "CAST({0} AS blob)", "CAST({0} AS text)", "CAST({0} AS real)", "trim({0}, {1})", "replace({0}, {1}, {2})", "quote({0})", "char({0}, {1})",
        "unhex({0}, {1})", "printf({0}, {1}, {2})", "({0} LIKE {1})", "glob({0}, {1})", "abs({0})", "round({0}, {1})", "mod({0}, {1})", "min({0}, {1}, {2})", "date({0}, {1})",
        "strftime({0}, {1}, {2})", "json({0})", "json_array({0}, {1})", "json_object({0}, {1})", "json_type({0}, {1})", "concat_ws({0}, {1}, {2})", "sqrt({0})", "like({0}, {1}, {2})",
    ];

    private static readonly (uint Type, string? Text)[] Values =
    [
        (25, null), (25, ""), (25, "abc"), (25, "12.5x"), (25, "é😀"), (25, "%s%d%!f%*x"), (25, "%5.3g|%c|%Q"), (25, "[1,null,\"\\ud800\",{\"a\":[]}]"), (25, "{\"a\":{\"b\":[1,2]}}"),
        (25, "{\"a\""), (25, "2024-02-30T25:61:00Z"), (25, "9999-12-31 23:59:59.999"), (25, "+1000000 years"), (25, "$.a[0]"), (25, "[^"), (25, "0101000000"), (25, "subsec"),
        (20, "0"), (20, "9223372036854775807"), (20, "-9223372036854775808"), (20, "1700000000"), (701, "NaN"), (701, "Infinity"), (701, "-Infinity"), (701, "-0"),
        (701, "1.7976931348623157e308"), (701, "5e-324"), (17, "\\x"), (17, "\\xff00fe"), (17, "\\x5b315d"), (3802, "[1, 2]"),
    ];

    [Theory]
    [InlineData(1, "sqlite_functions: true")]
    [InlineData(2, "sqlite_functions: true")]
    [InlineData(3, "sqlite_functions: true")]
    [InlineData(3, "sqlite_functions: true, unstable_sqlite_expression_engine: true")]
    public void Evaluation_gives_a_value_or_a_failed_row_and_the_same_again(int edition, string switches)
    {
        for (var seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            var expression = Next(random, 3);
            var rules = new RuleSetHarness(Evaluated.File(edition, $"SELECT id, {expression} AS c FROM t WHERE {Next(random, 2)} OR 1", switches));
            for (var round = 0; round < 4; round++)
            {
                var picked = Enumerable.Range(0, 3).Select(_ => Values[random.Next(Values.Length)]).ToList();
                (string, uint)[] columns = [("id", 25u), .. picked.Select((value, index) => ($"c{index}", value.Type))];
                string?[] texts = ["1", .. picked.Select(value => value.Text)];

                var first = rules.Put(RuleSetHarness.Table("t", columns), RuleSetHarness.Row(texts));
                var second = rules.Put(RuleSetHarness.Table("t", columns), RuleSetHarness.Row(texts));

                Assert.True(first.SequenceEqual(second), $"seed {seed}: {expression}");
                if (first is [var line, ..] && line.StartsWith("row t 1 ", StringComparison.Ordinal))
                    RuleSetHarness.Json(line["row t 1 ".Length..]);
            }
        }
    }

    private static string Next(Random random, int depth)
    {
        if (depth == 0 || random.Next(5) == 0)
            return "c" + random.Next(3).ToString(System.Globalization.CultureInfo.InvariantCulture);
        return string.Format(
            System.Globalization.CultureInfo.InvariantCulture, Calls[random.Next(Calls.Length)], Next(random, depth - 1), Next(random, depth - 1), Next(random, depth - 1));
    }
}
