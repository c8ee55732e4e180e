using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Language;

/// <summary>Which forms of expressions exist where.</summary>
public sealed class ExpressionFormTests
{
    private const string Streams = "streams:\n  s:\n    query: '";

    [Theory]
    [InlineData("n = 1 AND t != 'x' AND n <> 2 AND n < 3 AND n > 1 AND n <= 2 AND n >= 1")]
    [InlineData("n + 1 - 2 * 3 / 4 || 'x'")]
    [InlineData("n = 1 OR NOT t = 'x'")]
    [InlineData("t IS NULL AND n IS NOT NULL")]
    [InlineData("t IN j")]
    [InlineData("t IN '[1]'")]
    [InlineData("t IN ('[1]')")]
    [InlineData("j -> 'a' ->> 'b'")]
    [InlineData("CAST(t AS text) || CAST(n AS INTEGER) || CAST(n AS Real) || n::numeric || hex(t::blob)")]
    public void These_exist_everywhere(string condition)
    {
        for (var edition = 1; edition <= 3; edition++)
            Assert.Null(Evaluated.Refusal(edition, $"SELECT id FROM t WHERE {condition}"));
    }

    [Theory]
    [InlineData("n IS TRUE")]
    [InlineData("n IS NOT TRUE")]
    [InlineData("n IS FALSE")]
    [InlineData("n IS NOT FALSE")]
    [InlineData("n NOT IN j")]
    [InlineData("n IN ARRAY[1, 2]")]
    [InlineData("n NOT IN ARRAY['a']")]
    [InlineData("n IN ROW(1, 2)")]
    [InlineData("j && arr")]
    [InlineData("n BETWEEN 1 AND 2")]
    [InlineData("n NOT BETWEEN 1 AND 2")]
    [InlineData("CASE WHEN n = 1 THEN 1 END")]
    [InlineData("CASE n WHEN 1 THEN 1 ELSE 0 END")]
    [InlineData("arr ->> 0 = 1")]
    [InlineData("arr -> 0 = 1")]
    [InlineData("n % 2 = 1")]
    [InlineData("n & 2 = 1")]
    [InlineData("n | 2 = 1")]
    [InlineData("n << 2 = 1")]
    [InlineData("n >> 2 = 1")]
    [InlineData("substring(t FROM 1 FOR 2) = 'x'")]
    [InlineData("substring(t FROM 2) = 'x'")]
    [InlineData("substring(t FOR 2) = 'x'")]
    public void These_need_edition_three(string condition)
    {
        Assert.Equal("sql_unsupported", Evaluated.Refusal(1, $"SELECT id FROM t WHERE {condition}"));
        Assert.Equal("sql_unsupported", Evaluated.Refusal(2, $"SELECT id FROM t WHERE {condition}"));
        Assert.Null(Evaluated.Refusal(3, $"SELECT id FROM t WHERE {condition}"));
    }

    [Theory]
    [InlineData("n NOT IN j")]
    [InlineData("j && arr")]
    [InlineData("NOT (n NOT IN j) OR j && arr")]
    public void Preview_streams_have_some_forms_as_a_condition_but_not_as_a_value(string condition)
    {
        Assert.DoesNotContain(RuleSetHarness.Findings($"{Evaluated.Config(2)}{Streams}SELECT id FROM t WHERE {condition}'\n"), finding => finding.Contains("sql_", StringComparison.Ordinal));
        Assert.Contains(RuleSetHarness.Findings($"{Evaluated.Config(2)}{Streams}SELECT id, ({condition}) AS c FROM t'\n"), finding => finding.Contains("sql_unsupported", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("n IN ('a', 'b')")]
    [InlineData("- n = 1")]
    [InlineData("t LIKE 'x%'")]
    [InlineData("t NOT LIKE 'x%'")]
    [InlineData("t ILIKE 'x%'")]
    [InlineData("t ~ 'x'")]
    [InlineData("t ~* 'x'")]
    [InlineData("t !~ 'x'")]
    [InlineData("n = ANY(arr)")]
    [InlineData("n = ALL(arr)")]
    [InlineData("arr[1] = 1")]
    [InlineData("t COLLATE \"C\" = 'x'")]
    [InlineData("EXTRACT(year FROM t) = 1")]
    [InlineData("count(*) = 1")]
    [InlineData("EXISTS (SELECT 1 FROM u)")]
    [InlineData("n ^ 2 = 1")]
    [InlineData("n # 2 = 1")]
    [InlineData("j @> arr")]
    [InlineData("sum(n) OVER () = 1")]
    [InlineData("n IS DISTINCT FROM 1")]
    [InlineData("current_timestamp = t")]
    [InlineData("random() = 1")]
    [InlineData("ARRAY[1] = n")]
    [InlineData("n IN (SELECT 1 FROM u) = 1")]
    [InlineData("upper(DISTINCT t) = 'X'")]
    [InlineData("$1 = n")]
    [InlineData("n = ?")]
    public void These_exist_nowhere(string condition)
    {
        for (var edition = 1; edition <= 3; edition++)
            Assert.Equal("sql_unsupported", Evaluated.Refusal(edition, $"SELECT id FROM t WHERE {condition}"));
    }

    [Theory]
    [InlineData("int")]
    [InlineData("bigint")]
    [InlineData("varchar")]
    [InlineData("varchar(10)")]
    [InlineData("uuid")]
    [InlineData("boolean")]
    [InlineData("double precision")]
    [InlineData("character varying(3)")]
    [InlineData("timestamp with time zone")]
    [InlineData("text[]")]
    [InlineData("jsonb")]
    public void Only_five_types_can_be_cast_to(string type)
    {
        for (var edition = 1; edition <= 3; edition++)
        {
            Assert.Equal("sql_unsupported", Evaluated.Refusal(edition, $"SELECT id, CAST(t AS {type}) AS c FROM t"));
            Assert.Equal("sql_unsupported", Evaluated.Refusal(edition, $"SELECT id, t::{type} AS c FROM t"));
        }
    }

    [Theory]
    [InlineData("coalesce(t, n)")]
    [InlineData("nullif(t, n)")]
    [InlineData("if(n, t, r)")]
    [InlineData("nothing(n)")]
    [InlineData("trim(t)")]
    [InlineData("json_each_text(t)")]
    [InlineData("auth.nothing()")]
    public void An_unknown_function_is_a_reference_error(string call)
    {
        for (var edition = 1; edition <= 3; edition++)
            Assert.Equal("sql_reference", Evaluated.Refusal(edition, $"SELECT id, {call} AS c FROM t"));
    }

    [Theory]
    [InlineData("upper()")]
    [InlineData("upper(t, t)")]
    [InlineData("substring(t)")]
    [InlineData("substring(t, 1, 2, 3)")]
    [InlineData("iif(n, t)")]
    [InlineData("ifnull(t)")]
    [InlineData("instr(t)")]
    [InlineData("unixepoch()")]
    [InlineData("datetime()")]
    [InlineData("datetime(t, 'unixepoch', 'subsec', 'x')")]
    [InlineData("json_extract(j)")]
    [InlineData("json_array_length(j, '$', '$')")]
    [InlineData("st_x()")]
    public void A_wrong_number_of_arguments_is_an_error_in_edition_three_and_a_warning_before(string call)
    {
        Assert.Equal("sql_semantics", Evaluated.Refusal(3, $"SELECT id, {call} AS c FROM t"));
        for (var edition = 1; edition <= 2; edition++)
            Assert.Contains(RuleSetHarness.Findings(Evaluated.File(edition, $"SELECT id, {call} AS c FROM t", "")), finding => finding.Contains("argument_count", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("upper()", "null")]
    [InlineData("upper(t, n)", "\"TEXT\"")]
    [InlineData("substring(t)", "null")]
    [InlineData("substring(t, 2, 2, 9)", "\"ex\"")]
    [InlineData("iif(n, t)", "\"Text\"")]
    [InlineData("iif(no, t)", "null")]
    [InlineData("ifnull(z)", "null")]
    [InlineData("unixepoch()", "null")]
    [InlineData("datetime()", "null")]
    [InlineData("hex()", "\"\"")]
    [InlineData("typeof()", "\"null\"")]
    public void Before_edition_three_missing_arguments_are_null_and_extra_ones_ignored(string call, string json)
    {
        Assert.Equal(json, Evaluated.Of(1, call));
        Assert.Equal(json, Evaluated.Of(2, call));
    }
}
