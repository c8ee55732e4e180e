using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Language;

/// <summary>What the exact engine does otherwise than edition 3 does without it, and what SQLite 3.35 cannot be asked about.</summary>
public sealed class SqliteEngineTests
{
    private const string Exact = "unstable_sqlite_expression_engine: true";

    [Theory]
    [InlineData("NOT z", "1", "null")]
    [InlineData("z AND 1", "0", "null")]
    [InlineData("z AND 0", "0", "0")]
    [InlineData("z OR 0", "0", "null")]
    [InlineData("z != 1", "1", "null")]
    [InlineData("5 IS TRUE", "0", "1")]
    [InlineData("iif('0.5', 1, 2)", "2", "1")]
    [InlineData("5 BETWEEN 9 AND z", "null", "0")]
    [InlineData("z IN ARRAY[]", "null", "0")]
    [InlineData("9 IN '[1, null]'", "0", "null")]
    [InlineData("CAST(-2.9 AS INTEGER)", "-3", "-2")]
    [InlineData("CAST(w AS TEXT)", "\"2\"", "\"2.0\"")]
    [InlineData("CAST('12.0' AS NUMERIC)", "12.0", "12")]
    [InlineData("CAST('5' AS INTEGER) = '5'", "0", "1")]
    [InlineData("w || 'x'", "\"2x\"", "\"2.0x\"")]
    [InlineData("1e15 || ''", "\"1000000000000000\"", "\"1.0e+15\"")]
    [InlineData("(0.1 + 0.2) || ''", "\"0.30000000000000004\"", "\"0.3\"")]
    [InlineData("inf || ''", "\"Infinity\"", "\"Inf\"")]
    [InlineData("1e300 * 1e300 > 1", "null", "1")]
    [InlineData("length(smile)", "4", "3")]
    [InlineData("instr(smile, 'b')", "4", "3")]
    [InlineData("substring(smile, 3)", "\"\uFFFDb\"", "\"b\"")]
    [InlineData("substring(t, -9, 7)", "\"Text\"", "\"Te\"")]
    [InlineData("substring(t, 3, -2)", "\"Te\"", "\"Te\"")]
    [InlineData("upper('é')", "\"É\"", "\"é\"")]
    [InlineData("'\uFFFD' < '😀'", "0", "1")]
    [InlineData("j ->> '$.arr[1]'", "null", "\"x\"")]
    [InlineData("j ->> '$.arr[#-1]'", "null", "\"[1.50]\"")]
    [InlineData("j ->> '$.arr.1'", "\"x\"", "null")]
    [InlineData("j ->> '$.\"a.b\"'", "null", "\"flat\"")]
    [InlineData("j ->> 'a.b'", "\"flat\"", "\"flat\"")]
    [InlineData("j -> 'arr'", "\"[10,\\\"x\\\",[1.5]]\"", "\"[10,\\\"x\\\",[1.50]]\"")]
    [InlineData("j -> 'n'", "\"null\"", "\"null\"")]
    [InlineData("arr ->> 0", "1", "1")]
    [InlineData("arr ->> -1", "null", "\"{\\\"k\\\":[1]}\"")]
    [InlineData("arr ->> '[2]'", "null", "\"x\"")]
    [InlineData("arr ->> '0'", "1", "null")]
    [InlineData("j ->> 0", "\"zero\"", "null")]
    [InlineData("'{\"a\":1,\"a\":2}' ->> 'a'", "2", "1")]
    [InlineData("ifnull(n, json_keys(t))", Evaluated.Failed, "7")]
    [InlineData("iif(yes, n, json_keys(t))", Evaluated.Failed, "7")]
    [InlineData("datetime('2024-02-29', '+1 year')", "null", "\"2025-03-01 00:00:00\"")]
    [InlineData("unixepoch('2024-01-01', '+1 day', 'subsec')", "null", "1704153600.0")]
    [InlineData("datetime('now')", "null", "null")]
    public void The_two_engines(string expression, string common, string exact)
    {
        Assert.Equal(common, Evaluated.Of(3, expression));
        Assert.Equal(exact, Evaluated.Of(3, expression, Exact));
    }

    [Theory]
    [InlineData("'0.5'", false, true)]
    [InlineData("b", false, false)]
    [InlineData("NOT z", true, false)]
    [InlineData("z NOT IN arr", true, false)]
    [InlineData("9 NOT IN arr", true, false)]
    [InlineData("NOT (z = 1 OR z = 2)", true, false)]
    [InlineData("n NOT IN ARRAY[1, z]", true, false)]
    public void Conditions_of_the_two_engines(string condition, bool common, bool exact)
    {
        Assert.Equal(common, Evaluated.Passes(3, condition));
        Assert.Equal(exact, Evaluated.Passes(3, condition, Exact));
    }

    [Theory]
    [InlineData("j ->> '$.a['")]
    [InlineData("j ->> '$a'")]
    [InlineData("j ->> '$.a[x]'")]
    [InlineData("j -> '$.'")]
    public void A_malformed_path_is_found_when_the_file_is_checked(string expression) =>
        Assert.Equal("sql_semantics", Evaluated.Refusal(3, $"SELECT id, {expression} AS c FROM t", Exact));

    [Theory]
    [InlineData(1, "")]
    [InlineData(2, "")]
    [InlineData(3, "fixed_json_extract: false, ")]
    public void It_needs_edition_three_and_the_modern_paths(int edition, string switches) =>
        Assert.Equal("yaml_structure", Evaluated.Refusal(edition, "SELECT id FROM t", switches + Exact));
}
