using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Language;

/// <summary>The functions that <c>sqlite_functions</c> adds. What SQLite 3.35 has as well is compared with it in <see cref="SqliteDifferentialTests"/>.</summary>
public sealed class SqliteFunctionTests
{
    private const string Switch = "sqlite_functions: true";

    [Theory]
    [InlineData("coalesce(z, z, n)", "7")]
    [InlineData("coalesce(z, z)", "null")]
    [InlineData("nullif(n, 7.0)", "null")]
    [InlineData("nullif(n, '7')", "7")]
    [InlineData("nullif(z, 1)", "null")]
    [InlineData("trim('  x ')", "\"x\"")]
    [InlineData("ltrim('xxaxx', 'x')", "\"axx\"")]
    [InlineData("rtrim('xyaxy', 'yx')", "\"xya\"")]
    [InlineData("trim('😀a😀', '😀')", "\"a\"")]
    [InlineData("trim(z)", "null")]
    [InlineData("replace(t, 'e', 'E')", "\"TExt\"")]
    [InlineData("replace(t, '', 'E')", "\"Text\"")]
    [InlineData("substr(t, 2, 2)", "\"ex\"")]
    [InlineData("concat(t, z, n, w)", "\"Text72\"")]
    [InlineData("concat_ws('-', t, z, n)", "\"Text-7\"")]
    [InlineData("concat_ws(z, t, n)", "null")]
    [InlineData("concat_ws('-', z, z)", "\"\"")]
    [InlineData("char(72, 105, 128512)", "\"Hi😀\"")]
    [InlineData("char(55296)", "\"\uFFFD\"")]
    [InlineData("char(1114112)", "\"\uFFFD\"")]
    [InlineData("unicode('😀')", "128512")]
    [InlineData("unicode('')", "null")]
    [InlineData("quote('it''s')", "\"'it''s'\"")]
    [InlineData("quote(z)", "\"NULL\"")]
    [InlineData("quote(b)", "\"X'616263'\"")]
    [InlineData("quote(n)", "\"7\"")]
    [InlineData("octet_length(smile)", "6")]
    [InlineData("octet_length(junk)", "1")]
    [InlineData("octet_length(z)", "null")]
    [InlineData("hex(unhex('61 62-63', ' -'))", "\"616263\"")]
    [InlineData("CAST(unhex('616263') AS text)", "\"abc\"")]
    [InlineData("unhex('6')", "null")]
    [InlineData("unhex('6x')", "null")]
    [InlineData("unhex('6 1', ' ')", "null")]
    [InlineData("unhex(z)", "null")]
    [InlineData("format('%05d|%-5s|%.2f|%x', 42, 'ab', 2.345, 255)", "\"00042|ab   |2.35|ff\"")]
    [InlineData("format('%,d %+d % d', 1234567, 5, 5)", "\"1,234,567 +5  5\"")]
    [InlineData("format('%e %g %G', 12345.678, 0.0001, 1e20)", "\"1.234568e+04 0.0001 1E+20\"")]
    [InlineData("format('%s %d %f')", "\" 0 0.000000\"")]
    [InlineData("format('%q %Q %w', 'a''b', z, 'c\"d')", "\"a''b NULL c\\\"\\\"d\"")]
    [InlineData("format('100%%')", "\"100%\"")]
    [InlineData("format('%*d|%.*f', 5, 42, 1, 2.25)", "\"   42|2.3\"")]
    [InlineData("format('%k')", "\"\"")]
    [InlineData("format(z)", "null")]
    [InlineData("like('T%', t)", "1")]
    [InlineData("like('t!%', 't%', '!')", "1")]
    [InlineData("glob('T*', t)", "1")]
    [InlineData("glob('t*', t)", "0")]
    [InlineData("t LIKE 'TEX_'", "1")]
    [InlineData("t LIKE '%x%'", "1")]
    [InlineData("t LIKE 'x'", "0")]
    [InlineData("t NOT LIKE 'x'", "1")]
    [InlineData("'50%' LIKE '50!%' ESCAPE '!'", "1")]
    [InlineData("'500' LIKE '50!%' ESCAPE '!'", "0")]
    [InlineData("t LIKE 'x' ESCAPE 'ab'", Evaluated.Failed)]
    [InlineData("z LIKE 'x'", "null")]
    [InlineData("'É' LIKE 'é'", "0")]
    [InlineData("abs(-5)", "5")]
    [InlineData("abs(-2.5)", "2.5")]
    [InlineData("abs('x')", "0.0")]
    [InlineData("abs(z)", "null")]
    [InlineData("abs(small)", Evaluated.Failed)]
    [InlineData("round(2.5)", "3.0")]
    [InlineData("round(-2.5)", "-3.0")]
    [InlineData("round(1.235, 2)", "1.24")]
    [InlineData("round(7)", "7.0")]
    [InlineData("sign(-3)", "-1")]
    [InlineData("sign('x')", "null")]
    [InlineData("ceil(2.1)", "3.0")]
    [InlineData("floor(-2.1)", "-3.0")]
    [InlineData("trunc(-2.9)", "-2.0")]
    [InlineData("ceiling(n)", "7")]
    [InlineData("mod(7, 4)", "3.0")]
    [InlineData("mod(7, 0)", "null")]
    [InlineData("sqrt(9)", "3.0")]
    [InlineData("sqrt(-1)", "null")]
    [InlineData("pi()", "3.141592653589793")]
    [InlineData("degrees(pi())", "180.0")]
    [InlineData("radians(180)", "3.141592653589793")]
    [InlineData("pow(2, 10)", "1024.0")]
    [InlineData("power('2', 0.5)", "1.4142135623730951")]
    [InlineData("pow(0, -1)", "null")]
    [InlineData("pow(-8, 0.5)", "null")]
    [InlineData("exp(1)", "2.718281828459045")]
    [InlineData("exp(1000)", "null")]
    [InlineData("exp(-1000)", "0.0")]
    [InlineData("ln(0)", "null")]
    [InlineData("log(1000)", "3.0")]
    [InlineData("log10(0.001)", "-3.0")]
    [InlineData("log2(8)", "3.0")]
    [InlineData("log(2, 64)", "6.0")]
    [InlineData("log(1, 5)", "null")]
    [InlineData("log(0.5, 5)", "null")]
    [InlineData("log(2, -1)", "null")]
    [InlineData("sin('x')", "null")]
    [InlineData("cos(b)", "null")]
    [InlineData("tan(z)", "null")]
    [InlineData("asin(1.5)", "null")]
    [InlineData("acosh(0.5)", "null")]
    [InlineData("atanh(1)", "null")]
    [InlineData("atan2(0, -1)", "3.141592653589793")]
    [InlineData("sin(inf)", "null")]
    [InlineData("pow(nan, 0)", "null")]
    [InlineData("min(3, 1, 2)", "1")]
    [InlineData("max(3, 'a', 2)", "\"a\"")]
    [InlineData("max(3, z)", "null")]
    [InlineData("date('2023-01-31', '+1 month')", "\"2023-03-03\"")]
    [InlineData("time('12:34')", "\"12:34:00\"")]
    [InlineData("time('12:34:56.7', 'subsec')", "\"12:34:56.700\"")]
    [InlineData("julianday('2000-01-01 12:00')", "2451545.0")]
    [InlineData("strftime('%Y/%m/%d week %W', '2024-12-31')", "\"2024/12/31 week 53\"")]
    [InlineData("strftime('%F %T %R %e %k %l %p %P %u %G %V', '2024-02-05 15:04:05')", "\"2024-02-05 15:04:05 15:04  5 15  3 PM pm 1 2024 06\"")]
    [InlineData("strftime('%q', '2024-02-05')", "null")]
    [InlineData("timediff('2024-03-01', '2024-01-31')", "\"+0000-00-30 00:00:00.000\"")]
    [InlineData("timediff('now', '2024-01-31')", "null")]
    [InlineData("date('2024-01-31', '+1 month', 'floor')", "\"2024-02-29\"")]
    [InlineData("date(0, 'unixepoch')", "\"1970-01-01\"")]
    [InlineData("date(1092941466, 'auto')", "\"2004-08-19\"")]
    [InlineData("date('now')", "null")]
    [InlineData("date('2024-01-01', 'localtime')", "null")]
    [InlineData("date('2024-01-01', 'utc')", "null")]
    [InlineData("json(' { \"a\" : 1.50 } ')", "\"{\\\"a\\\":1.50}\"")]
    [InlineData("json('x')", Evaluated.Failed)]
    [InlineData("json_array(1, 2.0, 'x', z, json('[1]'), '[1]')", "\"[1,2.0,\\\"x\\\",null,[1],\\\"[1]\\\"]\"")]
    [InlineData("json_array(j -> 'o', json_extract(j, '$.arr'))", "\"[{\\\"k\\\":\\\"v\\\",\\\"n\\\":null},[10,\\\"x\\\",[1.5]]]\"")]
    [InlineData("json_array()", "\"[]\"")]
    [InlineData("json_array(b)", Evaluated.Failed)]
    [InlineData("json_object('a', 1, 'b', json_array(n))", "\"{\\\"a\\\":1,\\\"b\\\":[7]}\"")]
    [InlineData("json_object('a')", "refused sql_semantics")]
    [InlineData("json_object(n, 1)", Evaluated.Failed)]
    [InlineData("json_quote('a\"b')", "\"\\\"a\\\\\\\"b\\\"\"")]
    [InlineData("json_quote(n)", "\"7\"")]
    [InlineData("json_type(j, '$.o')", "\"object\"")]
    [InlineData("json_type(j, '$.n')", "\"null\"")]
    [InlineData("json_type(j, '$.gone')", "null")]
    [InlineData("json_type('1.5')", "\"real\"")]
    [InlineData("json_set('{\"a\": 1}', '$.a', 2, '$.b', 'x')", "\"{\\\"a\\\":2,\\\"b\\\":\\\"x\\\"}\"")]
    [InlineData("json_set('{}', '$.a.b[0].c', 1)", "\"{\\\"a\\\":{\\\"b\\\":[{\\\"c\\\":1}]}}\"")]
    [InlineData("json_set('{}', '$.a[#]', 1)", "\"{}\"")]
    [InlineData("json_set('{}', '$.a[1]', 1)", "\"{}\"")]
    [InlineData("json_set('[1,2]', '$[#]', 3, '$[3]', 4, '$[9]', 5)", "\"[1,2,3,4]\"")]
    [InlineData("json_set('[1,2]', '$[#-1]', json('[ ]'), '$[1][0]', 7)", "\"[1,[7]]\"")]
    [InlineData("json_set('{}', '$.a', '[1]', '$.b', json('[1]'), '$.c', json_array(1))", "\"{\\\"a\\\":\\\"[1]\\\",\\\"b\\\":[1],\\\"c\\\":[1]}\"")]
    [InlineData("json_set('{}', z, 1)", "\"{}\"")]
    [InlineData("json_set('[1]', '$', 2)", "\"2\"")]
    [InlineData("json_insert('{\"a\":1}', '$.a', 2, '$.b', 2)", "\"{\\\"a\\\":1,\\\"b\\\":2}\"")]
    [InlineData("json_insert('{\"a\":1}', '$.a.b', 2)", "\"{\\\"a\\\":1}\"")]
    [InlineData("json_replace('{\"a\":1,\"a\":2}', '$.a', 3, '$.b', 2)", "\"{\\\"a\\\":3,\\\"a\\\":2}\"")]
    [InlineData("json_remove('[0,1,2,3]', '$[0]', '$[0]', '$[#-1]')", "\"[2]\"")]
    [InlineData("json_remove('{\"a\":1,\"b\":2}', '$.a', '$.b', '$.gone')", "\"{}\"")]
    [InlineData("json_patch('{\"a\":1,\"b\":{\"c\":2}}', '{\"a\":null,\"b\":{\"d\":[null]},\"e\":{\"f\":null}}')", "\"{\\\"b\\\":{\\\"c\\\":2,\\\"d\\\":[null]},\\\"e\\\":{}}\"")]
    [InlineData("json_patch('[1]', '{\"a\":1}')", "\"{\\\"a\\\":1}\"")]
    [InlineData("json_extract(j, '$.a', '$.gone', '$.o')", "\"[1,null,{\\\"k\\\":\\\"v\\\",\\\"n\\\":null}]\"")]
    [InlineData("json_set(z, '$.a', 1)", "null")]
    [InlineData("json_set('{}', '$.a')", Evaluated.Failed)]
    [InlineData("json_set(t, '$.a', 1)", Evaluated.Failed)]
    [InlineData("json_set(j, '$.a', b)", Evaluated.Failed)]
    [InlineData("json_set(j, 'a', n)", Evaluated.Failed)]
    [InlineData("json_remove(j, '$')", "null")]
    [InlineData("json_remove(j, z)", "null")]
    [InlineData("json_patch(j, z)", "null")]
    [InlineData("json_extract(j, '$.a', z)", "null")]
    [InlineData("hex(zeroblob(2))", "\"0000\"")]
    [InlineData("length(zeroblob(big))", Evaluated.Failed)]
    [InlineData("likely(n)", "7")]
    [InlineData("unlikely(t)", "\"Text\"")]
    [InlineData("likelihood(n, 0.9)", "7")]
    public void With_the_switch(string expression, string expected)
    {
        for (var edition = 1; edition <= 3; edition++)
        {
            var refusal = Evaluated.Refusal(edition, $"SELECT id, {expression} AS c FROM t", Switch);
            Assert.Equal(expected, refusal is null ? Evaluated.Of(edition, expression, Switch) : "refused " + refusal);
        }
    }

    [Theory]
    [InlineData("random()", "sql_unsupported")]
    [InlineData("randomblob(4)", "sql_unsupported")]
    [InlineData("count(n)", "sql_unsupported")]
    [InlineData("min(n)", "sql_unsupported")]
    [InlineData("max(n)", "sql_unsupported")]
    [InlineData("changes()", "sql_reference")]
    [InlineData("sqlite_version()", "sql_reference")]
    public void What_depends_on_more_than_its_arguments_stays_refused(string call, string refusal)
    {
        for (var edition = 1; edition <= 3; edition++)
            Assert.Equal(refusal, Evaluated.Refusal(edition, $"SELECT id, {call} AS c FROM t", Switch));
    }

    [Theory]
    [InlineData("coalesce(t, n)")]
    [InlineData("nullif(t, n)")]
    [InlineData("trim(t)")]
    [InlineData("abs(n)")]
    [InlineData("json_object('a', n)")]
    [InlineData("date(t)")]
    public void Without_the_switch_the_error_names_it(string call)
    {
        var findings = TopGun.Buckets.SyncRules.RuleSet.Parse(Evaluated.File(3, $"SELECT id, {call} AS c FROM t", ""), new()).Findings;

        Assert.Contains(findings, finding => finding.Class == "sql_reference" && finding.Message.Contains("sqlite_functions", StringComparison.Ordinal));
    }

    [Fact]
    public void Negated_LIKE_of_null_follows_the_edition_as_other_negations_do()
    {
        Assert.False(Evaluated.Passes(1, "z NOT LIKE 'x'", Switch));
        Assert.False(Evaluated.Passes(2, "z NOT LIKE 'x'", Switch));
        Assert.True(Evaluated.Passes(3, "z NOT LIKE 'x'", Switch));
        Assert.False(Evaluated.Passes(3, "z NOT LIKE 'x'", Switch + ", unstable_sqlite_expression_engine: true"));
    }

    [Fact]
    public void The_switch_changes_no_definition_that_does_without_it()
    {
        string Fingerprint(string switches) =>
            new RuleSetHarness(Evaluated.File(3, "SELECT id, upper(t) AS c FROM t", switches)).Rules.Definitions[0].Fingerprint;

        Assert.Equal(Fingerprint(""), Fingerprint(Switch));
    }

    [Fact]
    public void Coalesce_does_not_evaluate_what_it_does_not_need() =>
        Assert.Equal("7", Evaluated.Of(3, "coalesce(n, json_extract(t, '$.a'))", Switch));

    [Fact]
    public void A_patch_as_deep_as_a_stack_fails_the_row_alone()
    {
        var rules = new RuleSetHarness(Evaluated.File(3, "SELECT id, json_patch('{}', v) AS c FROM t", Switch));
        string Deep(int depth) => string.Concat(Enumerable.Repeat("{\"a\":", depth)) + "1" + new string('}', depth);

        Assert.StartsWith("error", rules.Put("t", ("id", "1"), ("v", Deep(50_000)))[0]);
        Assert.StartsWith("row t 1", rules.Put("t", ("id", "1"), ("v", Deep(900)))[0]);
    }

    [Fact]
    public void A_pattern_of_many_wildcards_does_not_explode()
    {
        var rules = new RuleSetHarness(Evaluated.File(3, $"SELECT id, v LIKE '{string.Concat(Enumerable.Repeat("%a", 200))}b' AS c FROM t", Switch));

        Assert.Equal("row t 1 {\"id\":\"1\",\"c\":0}", rules.Put("t", ("id", "1"), ("v", new string('a', 5000)))[0]);
    }
}
