using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Language;

/// <summary>How operators bind. Two expressions of equal meaning have equal fingerprints.</summary>
public sealed class PrecedenceTests
{
    [Theory]
    [InlineData("t || j ->> 'c'", "t || (j ->> 'c')", "(t || j) ->> 'c'")]
    [InlineData("t = j ->> 'k'", "t = (j ->> 'k')", null)]
    [InlineData("t IN j ->> 'k'", "t IN (j ->> 'k')", null)]
    [InlineData("j ->> 'k' IS NULL", "(j ->> 'k') IS NULL", null)]
    [InlineData("NOT t = n", "NOT (t = n)", "(NOT t) = n")]
    [InlineData("1 || n + 3", "(1 || n) + 3", "1 || (n + 3)")]
    [InlineData("n + 2 || t", "(n + 2) || t", "n + (2 || t)")]
    [InlineData("n - 2 - r", "(n - 2) - r", "n - (2 - r)")]
    [InlineData("n + 2 * r", "n + (2 * r)", "(n + 2) * r")]
    [InlineData("n * 2 + r", "(n * 2) + r", "n * (2 + r)")]
    [InlineData("n / 2 * r", "(n / 2) * r", "n / (2 * r)")]
    [InlineData("t = n IS NULL", "t = (n IS NULL)", "(t = n) IS NULL")]
    [InlineData("t < n IS NULL", "(t < n) IS NULL", "t < (n IS NULL)")]
    [InlineData("t = n < r", "t = (n < r)", "(t = n) < r")]
    [InlineData("t = n IN j", "t = (n IN j)", "(t = n) IN j")]
    [InlineData("t < n IN j", "t < (n IN j)", "(t < n) IN j")]
    [InlineData("t IN j || e", "t IN (j || e)", "(t IN j) || e")]
    [InlineData("t = n = r", "(t = n) = r", "t = (n = r)")]
    [InlineData("t = n <> r", "(t = n) <> r", "t = (n <> r)")]
    [InlineData("t <> n", "t != n", null)]
    [InlineData("t AND n OR r", "(t AND n) OR r", "t AND (n OR r)")]
    [InlineData("t OR n AND r", "t OR (n AND r)", "(t OR n) AND r")]
    [InlineData("NOT t AND n", "(NOT t) AND n", "NOT (t AND n)")]
    [InlineData("NOT t IS NULL", "NOT (t IS NULL)", "(NOT t) IS NULL")]
    [InlineData("t::text || n", "(t::text) || n", "(t || n)::text")]
    [InlineData("n + r::integer", "n + (r::integer)", "(n + r)::integer")]
    [InlineData("j -> 'a' ->> 'b'", "(j -> 'a') ->> 'b'", null)]
    [InlineData("j ->> 'a'::text", "(j ->> 'a')::text", null)]
    [InlineData("t ISNULL", "t IS NULL", null)]
    [InlineData("t NOTNULL", "t IS NOT NULL", null)]
    [InlineData("t >= n = r <= e", "(t >= n) = (r <= e)", "t >= (n = r) <= e")]
    [InlineData("CAST(t AS TEXT)", "t::text", null)]
    public void Parentheses_show_how_it_binds_in_every_edition(string written, string same, string? other)
    {
        for (var edition = 1; edition <= 3; edition++)
        {
            var meaning = Evaluated.Meaning(edition, written);
            Assert.Equal(Evaluated.Meaning(edition, same), meaning);
            if (other is not null)
                Assert.NotEqual(Evaluated.Meaning(edition, other), meaning);
        }
    }

    [Theory]
    [InlineData("n & 3 + 4", "n & (3 + 4)", "(n & 3) + 4")]
    [InlineData("n | 3 & 4", "(n | 3) & 4", "n | (3 & 4)")]
    [InlineData("n << 1 < 3", "(n << 1) < 3", "n << (1 < 3)")]
    [InlineData("n IN arr && j", "n IN (arr && j)", "(n IN arr) && j")]
    [InlineData("n % 2 * 3", "(n % 2) * 3", "n % (2 * 3)")]
    [InlineData("n BETWEEN 1 + 1 AND 2 || 3 AND t", "(n BETWEEN (1 + 1) AND (2 || 3)) AND t", null)]
    [InlineData("n NOT BETWEEN 1 AND 2 = r", "(n NOT BETWEEN 1 AND 2) = r", null)]
    [InlineData("t = n BETWEEN 1 AND 2", "t = (n BETWEEN 1 AND 2)", "(t = n) BETWEEN 1 AND 2")]
    [InlineData("t < n BETWEEN 1 AND 2", "t < (n BETWEEN 1 AND 2)", "(t < n) BETWEEN 1 AND 2")]
    [InlineData("t = n IS TRUE", "t = (n IS TRUE)", "(t = n) IS TRUE")]
    [InlineData("n NOT IN ARRAY[1] OR t", "(n NOT IN ARRAY[1]) OR t", null)]
    [InlineData("CASE t WHEN 1 THEN n ELSE r END || e", "(CASE t WHEN 1 THEN n ELSE r END) || e", null)]
    public void Parentheses_show_how_it_binds_in_edition_three(string written, string same, string? other)
    {
        var meaning = Evaluated.Meaning(3, written);
        Assert.Equal(Evaluated.Meaning(3, same), meaning);
        if (other is not null)
            Assert.NotEqual(Evaluated.Meaning(3, other), meaning);
    }

    [Theory]
    [InlineData("1 || 2 + 3", "15")]
    [InlineData("2 - 3 - 4", "-5")]
    [InlineData("1 + 2 * 3", "7")]
    [InlineData("1 - -1", "2")]
    [InlineData("7 / 2 * 2", "6")]
    [InlineData("'a' || 'b' = 'ab'", "1")]
    [InlineData("1 = 1 AND 0 = 1 OR 1 = 1", "1")]
    public void Values_agree(string expression, string json)
    {
        for (var edition = 1; edition <= 3; edition++)
            Assert.Equal(json, Evaluated.Of(edition, expression));
    }
}
