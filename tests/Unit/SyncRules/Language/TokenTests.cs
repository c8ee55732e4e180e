using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Language;

/// <summary>What a query's text is cut into.</summary>
public sealed class TokenTests
{
    [Theory]
    [InlineData("'it''s'", "\"it's\"")]
    [InlineData("''", "\"\"")]
    [InlineData("'back\\slash'", "\"back\\\\slash\"")]
    [InlineData("'\\n'", "\"\\\\n\"")]
    [InlineData("E'a\\nb\\tc\\\\d\\'e'", "\"a\\nb\\tc\\\\d'e\"")]
    [InlineData("e'x''y'", "\"x'y\"")]
    [InlineData("'é😀'", "\"é😀\"")]
    [InlineData("42", "42")]
    [InlineData("1.5", "1.5")]
    [InlineData(".5", "0.5")]
    [InlineData("2.0", "2.0")]
    [InlineData("-3", "-3")]
    [InlineData("-2.0", "-2.0")]
    [InlineData("5--comment\n+1", "6")]
    [InlineData("9007199254740993", "9007199254740993")]
    [InlineData("9223372036854775807", "9223372036854775807")]
    [InlineData("-9223372036854775808", "-9223372036854775808")]
    [InlineData("9223372036854775808", "9223372036854776000.0")]
    [InlineData("1e3", "1000.0")]
    [InlineData("1.5E-3", "0.0015")]
    [InlineData("true", "1")]
    [InlineData("FALSE", "0")]
    [InlineData("null", "null")]
    [InlineData("NULL", "null")]
    [InlineData("1 -- to the end of line\n + 2", "3")]
    [InlineData("1 /* in \n between */ + 2", "3")]
    [InlineData("N", "7")]
    [InlineData("\"n\"", "7")]
    [InlineData("\"N\"", Evaluated.LeftOut)]
    [InlineData("ifnull(\"N\", 0)", "0")]
    [InlineData("UPPER(t)", "\"TEXT\"")]
    [InlineData("\"upper\"(t)", "\"TEXT\"")]
    public void A_token_means_the_same_in_every_edition(string expression, string json)
    {
        for (var edition = 1; edition <= 3; edition++)
            Assert.Equal(json, Evaluated.Of(edition, expression));
    }

    [Theory]
    [InlineData("SELECT `id` FROM t")]
    [InlineData("SELECT id, $$x$$ AS c FROM t")]
    [InlineData("SELECT id, $q$x$q$ AS c FROM t")]
    [InlineData("SELECT id, n == 1 AS c FROM t")]
    [InlineData("SELECT id, 'open AS c FROM t")]
    [InlineData("SELECT id, \"open AS c FROM t")]
    [InlineData("SELECT id, \"\" AS c FROM t")]
    [InlineData("SELECT id /* open FROM t")]
    [InlineData("SELECT id, j -> t AS c FROM t")]
    [InlineData("SELECT id, 12abc3 FROM t")]
    [InlineData("SELECT id FROM a.b.c")]
    [InlineData("SELECT id, order AS c FROM t")]
    [InlineData("SELECT id FROM")]
    [InlineData("")]
    public void What_does_not_parse_is_a_syntax_error(string query)
    {
        for (var edition = 1; edition <= 3; edition++)
            Assert.Equal("sql_syntax", Evaluated.Refusal(edition, query));
    }

    [Fact]
    public void Quoted_names_keep_their_case_and_may_hold_quotes()
    {
        var rules = new RuleSetHarness(Evaluated.File(3, "SELECT id, \"The \"\"Name\"\"\" AS c FROM t", ""));

        Assert.Equal("row t 1 {\"id\":\"1\",\"c\":\"x\"}", rules.Put("t", ("id", "1"), ("The \"Name\"", "x"))[0]);
    }

    [Theory]
    [InlineData("SELECT id FROM t;")]
    [InlineData("SELECT id FROM t ;; ; ")]
    [InlineData("select ID from T")]
    [InlineData("SELECT id FROM t -- done")]
    public void Harmless_variations_are_accepted(string query)
    {
        for (var edition = 1; edition <= 3; edition++)
            Assert.Null(Evaluated.Refusal(edition, query));
    }

    [Theory]
    [InlineData(
        "all analyse analyze and any array as asc asymmetric both case cast check collate constraint foreign primary references unique create " +
        "current_date default desc distinct do else end except false fetch for from grant group having in initially intersect into is join " +
        "lateral leading left like limit localtime not null offset on only or order placing returning right select session_user some symmetric " +
        "table then to trailing true union user using variadic when where window with authorization binary concurrently cross current_schema " +
        "freeze full ilike inner isnull natural notnull outer overlaps precision similar tablesample verbose")]
    public void Reserved_words_are_names_only_in_quotes(string words)
    {
        foreach (var word in words.Split(' '))
        {
            Assert.Null(Evaluated.Refusal(1, $"SELECT id, \"{word}\" AS c FROM t"));
            if (word is not ("true" or "false" or "null"))
                Assert.NotNull(Evaluated.Refusal(1, $"SELECT id FROM t WHERE {word} = 1"));
        }
    }

    [Theory]
    [InlineData("name type value key date time text status owner role count level year month schema row")]
    public void Ordinary_words_are_names_without_quotes(string words)
    {
        foreach (var word in words.Split(' '))
        {
            for (var edition = 1; edition <= 3; edition++)
            {
                Assert.Null(Evaluated.Refusal(edition, $"SELECT id, {word} AS c, {word} || 'x' AS d FROM t WHERE {word} = 1 AND {word} IS NULL"));
                Assert.Null(Evaluated.Refusal(edition, $"SELECT id, t AS {word} FROM t"));
                Assert.Null(Evaluated.Refusal(edition, $"SELECT {word}.id, {word}.{word} FROM {word}"));
            }
        }
    }

    [Theory]
    [InlineData("SELECT id FROM t; SELECT id FROM u")]
    [InlineData("INSERT INTO t VALUES (1)")]
    [InlineData("UPDATE t SET a = 1")]
    [InlineData("DELETE FROM t")]
    [InlineData("SELECT id FROM t UNION SELECT id FROM u")]
    [InlineData("WITH c AS (SELECT id FROM t) SELECT id FROM c")]
    [InlineData("(SELECT id FROM t)")]
    [InlineData("SELECT id FROM t LIMIT 1")]
    [InlineData("SELECT id FROM t OFFSET 1")]
    [InlineData("SELECT id FROM t ORDER BY id")]
    [InlineData("SELECT id FROM t GROUP BY id")]
    [InlineData("SELECT id FROM t HAVING id = 1")]
    [InlineData("SELECT id FROM t FOR UPDATE")]
    [InlineData("SELECT id FROM t LEFT JOIN u ON t.id = u.id")]
    public void Other_statements_and_clauses_are_unsupported(string query)
    {
        for (var edition = 1; edition <= 3; edition++)
            Assert.Equal("sql_unsupported", Evaluated.Refusal(edition, query));
    }

    [Fact]
    public void Distinct_is_refused_until_edition_three_where_it_changes_nothing()
    {
        Assert.Equal("sql_unsupported", Evaluated.Refusal(1, "SELECT DISTINCT id FROM t"));
        Assert.Equal("sql_unsupported", Evaluated.Refusal(2, "SELECT DISTINCT id FROM t"));
        Assert.Null(Evaluated.Refusal(3, "SELECT DISTINCT id FROM t"));
    }
}
