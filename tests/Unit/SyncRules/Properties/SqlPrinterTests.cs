using TopGun.Buckets.SyncRules.Sql;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Properties;

/// <summary>A query that is printed parses to the tree it was printed from.</summary>
public sealed class SqlPrinterTests
{
    [Fact]
    public void Every_tree_parses_from_its_own_text()
    {
        foreach (var seed in PropertyRun.Seeds(6000))
        {
            var random = new Random(seed);
            var tree = new SqlTreeGenerator(random).Select(depth: random.Next(1, 5));
            var text = SqlPrinter.Print(tree);

            var parsed = Parse(text, $"seed {seed}");

            Assert.True(SqlTreeComparison.Difference(tree, parsed) is null, $"seed {seed}: {SqlTreeComparison.Difference(tree, parsed)}\n{text}");
        }
    }

    [Fact]
    public void Every_query_of_the_samples_parses_from_its_printed_text()
    {
        var count = 0;
        foreach (var query in SampleFiles.All.SelectMany(SampleFiles.Queries))
        {
            if (TryParse(query) is not { } tree)
                continue; // a sample of a mistake
            count++;
            var text = SqlPrinter.Print(tree);

            var parsed = Parse(text, query);

            Assert.True(SqlTreeComparison.Difference(tree, parsed) is null, $"{SqlTreeComparison.Difference(tree, parsed)}\n{query}\n{text}");
            Assert.Equal(text, SqlPrinter.Print(parsed));
        }
        Assert.True(count > 100, $"only {count} queries");
    }

    /// <summary>Parentheses stand only where the table of precedences needs them.</summary>
    [Theory]
    [InlineData("(a || (b ->> 'c'))", "a || b ->> 'c'")]
    [InlineData("(a || b) ->> 'c'", "(a || b) ->> 'c'")]
    [InlineData("NOT (a = b)", "NOT a = b")]
    [InlineData("(NOT a) = b", "(NOT a) = b")]
    [InlineData("(1 || 2) + 3", "1 || 2 + 3")]
    [InlineData("1 || (2 + 3)", "1 || (2 + 3)")]
    [InlineData("a = (b IS NULL)", "a = b IS NULL")]
    [InlineData("(a = b) IS NULL", "(a = b) IS NULL")]
    [InlineData("(a < b) IS NULL", "a < b IS NULL")]
    [InlineData("a = (b < c)", "a = b < c")]
    [InlineData("(a = (b IN c))", "a = b IN c")]
    [InlineData("-(a -> 'x')", "-a -> 'x'")]
    [InlineData("(-a) -> 'x'", "(-a) -> 'x'")]
    [InlineData("-(5)", "-(5)")]
    [InlineData("- -a", "- -a")]
    [InlineData("a - -5", "a - -5")]
    [InlineData("(a AND b) OR (c AND NOT (d OR e))", "a AND b OR c AND NOT (d OR e)")]
    [InlineData("a AND (b AND c)", "a AND (b AND c)")]
    [InlineData("x IN (j ->> 'k')", "x IN j ->> 'k'")]
    [InlineData("(x BETWEEN 1 AND (2 + 3)) AND y", "x BETWEEN 1 AND 2 + 3 AND y")]
    [InlineData("x ISNULL", "x IS NULL")]
    [InlineData("cast(a + b as TEXT)", "(a + b)::text")]
    [InlineData("a <> b", "a != b")]
    [InlineData("\"Order\" = T.Order", "\"Order\" = t.order")]
    public void Parentheses_stand_only_where_they_are_needed(string expression, string expected)
    {
        var query = SqlPrinter.Print(Parse($"SELECT id FROM t WHERE {expression}", expression));

        Assert.Equal($"SELECT id FROM t WHERE {expected}", query);
    }

    [Fact]
    public void Joins_keep_their_conditions()
    {
        const string Query = "SELECT a.* FROM a, b JOIN c ON a.x = c.x JOIN d ON c.y = d.y AND d.z = 1 WHERE a.owner = 'me' OR b.open";

        Assert.Equal(Query, SqlPrinter.Print(Parse(Query, Query)));
    }

    private static SelectSyntax Parse(string text, string what)
    {
        try
        {
            return SqlParser.ParseQuery(text, _ => { }, out _);
        }
        catch (SqlProblem problem)
        {
            throw new InvalidOperationException($"{what}: {problem.Message} at {problem.Span}\n{text}", problem);
        }
    }

    private static SelectSyntax? TryParse(string text)
    {
        try
        {
            var isRefused = false;
            var tree = SqlParser.ParseQuery(text, _ => isRefused = true, out _);
            return isRefused ? null : tree;
        }
        catch (SqlProblem)
        {
            return null;
        }
    }
}
