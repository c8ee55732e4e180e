using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>How Postgres' text of each type becomes a value of row data.</summary>
public sealed class PostgresValueTests
{
    [Theory]
    [InlineData(16u, "t", "1")]
    [InlineData(16u, "f", "0")]
    [InlineData(20u, "9223372036854775807", "9223372036854775807")]
    [InlineData(20u, "-9223372036854775808", "-9223372036854775808")]
    [InlineData(701u, "314", "314.0")]
    [InlineData(701u, "1e+21", "1e+21")]
    [InlineData(701u, "NaN", "null")]
    [InlineData(701u, "-Infinity", "null")]
    [InlineData(700u, "3.14", "3.14")]
    [InlineData(701u, "1.2345678901234568e+23", "1.2345678901234569e+23")]
    [InlineData(701u, "5e-324", "5e-324")]
    [InlineData(1700u, "1.50", "\"1.50\"")]
    [InlineData(25u, "a\"b\\c\u0001\n/é😀", "\"a\\\"b\\\\c\\u0001\\n/é😀\"")]
    [InlineData(3802u, "{\"a\": 1}", "\"{\\\"a\\\": 1}\"")]
    [InlineData(1082u, "infinity", "\"9999-12-31\"")]
    [InlineData(1082u, "0044-03-15 BC", "\"0044-03-15 BC\"")]
    [InlineData(1083u, "17:42:01.12", "\"17:42:01.12\"")]
    [InlineData(1114u, "2023-03-06 15:47:12.4", "\"2023-03-06 15:47:12.4\"")]
    [InlineData(1114u, "-infinity", "\"0000-01-01 00:00:00\"")]
    [InlineData(1184u, "2023-03-06 13:47:00.12345+00", "\"2023-03-06 13:47:00.12345Z\"")]
    [InlineData(1184u, "2023-03-06 13:47:00+00", "\"2023-03-06 13:47:00Z\"")]
    [InlineData(1114u, "0044-03-15 00:00:00 BC", "null")]
    [InlineData(1114u, "0044-03-15 00:00:00.5 BC", "null")]
    [InlineData(1114u, "2023-03-06 15:47:12", "\"2023-03-06 15:47:12\"")]
    [InlineData(1184u, "2023-03-06 13:47:00.123456+00", "\"2023-03-06 13:47:00.123456Z\"")]
    [InlineData(1184u, "2023-03-06 13:47:00.1+00", "\"2023-03-06 13:47:00.1Z\"")]
    [InlineData(1184u, "2023-03-06 13:47:00+02", "\"2023-03-06 11:47:00Z\"")]
    [InlineData(1184u, "infinity", "\"9999-12-31 23:59:59Z\"")]
    [InlineData(1184u, "0044-03-15 00:00:00+00 BC", "null")]
    [InlineData(1184u, "10000-01-01 00:00:00+00", "null")]
    [InlineData(3220u, "16/B374D848", "\"00000016/B374D848\"")]
    [InlineData(1000u, "{t,f,NULL}", "\"[1,0,null]\"")]
    [InlineData(1016u, "{{1,2},{3,4}}", "\"[[1,2],[3,4]]\"")]
    [InlineData(1022u, "{2,2.5}", "\"[2.0,2.5]\"")]
    [InlineData(1009u, "{a,\"b \\\"c\\\"\",\"null\",NULL,\"\"}", "\"[\\\"a\\\",\\\"b \\\\\\\"c\\\\\\\"\\\",\\\"null\\\",null,\\\"\\\"]\"")]
    [InlineData(1009u, "[0:0]={a=b}", "\"[\\\"a=b\\\"]\"")]
    [InlineData(1009u, "{}", "\"[]\"")]
    [InlineData(1231u, "{1.50}", "\"[\\\"1.50\\\"]\"")]
    [InlineData(3807u, "{\"{\\\"a\\\": 1}\"}", "\"[{\\\"a\\\": 1}]\"")]
    [InlineData(1020u, "{(3,4),(1,2);(5,6),(0,0)}", "\"[\\\"(3,4),(1,2)\\\",\\\"(5,6),(0,0)\\\"]\"")]
    [InlineData(99999u, "anything", "\"anything\"")]
    public void A_value_of_the_first_edition(uint type, string text, string json) => Assert.Equal(json, Value("", type, text));

    [Theory]
    [InlineData(1083u, "17:42:01.12", "microseconds", "\"17:42:01.120000\"")]
    [InlineData(1114u, "2023-03-06 15:47:12", "nanoseconds", "\"2023-03-06T15:47:12.000000\"")]
    [InlineData(1184u, "2023-03-06 13:47:00.1239+00", "milliseconds", "\"2023-03-06T13:47:00.123Z\"")]
    [InlineData(1184u, "infinity", "seconds", "\"9999-12-31T23:59:59Z\"")]
    [InlineData(1185u, "{\"2023-03-06 13:47:00+00\"}", "seconds", "\"[\\\"2023-03-06T13:47:00Z\\\"]\"")]
    public void A_time_of_the_later_editions(uint type, string text, string precision, string json) =>
        Assert.Equal(json, Value($"config: {{edition: 2, timestamp_max_precision: {precision}}}\n", type, text));

    [Fact]
    public void A_text_of_any_length_is_escaped_at_any_place()
    {
        var rules = new RuleSetHarness("bucket_definitions:\n  g:\n    data: ['SELECT id, v FROM t']\n");
        (string Raw, string Escaped)[] cases = [("\"", "\\\""), ("\\", "\\\\"), ("\u001f", "\\u001f"), ("\0", "\\u0000"), (" ", " "), ("\u007f", "\u007f"), ("é", "é")];
        for (var length = 0; length <= 70; length++)
        {
            for (var place = 0; place <= length; place++)
            {
                var (raw, escaped) = cases[(length + place) % cases.Length];
                var (before, after) = (new string('a', place), new string('z', length - place));

                var lines = rules.Put("t", ("id", "1"), ("v", before + raw + after));

                Assert.Equal($$"""row t 1 {"id":"1","v":"{{before}}{{escaped}}{{after}}"}""", lines[0]);
            }
        }
    }

    [Fact]
    public void Bytes_can_be_computed_with_but_do_not_reach_clients()
    {
        var rules = new RuleSetHarness("bucket_definitions:\n  g:\n    data: ['SELECT id, b, hex(b) AS h FROM t']\n");

        var lines = rules.Put(RuleSetHarness.Table("t", ("id", 25u), ("b", 17u)), RuleSetHarness.Row("1", "\\xdeadBEEF"));

        Assert.Equal("row t 1 {\"id\":\"1\",\"h\":\"DEADBEEF\"}", lines[0]);
    }

    [Theory]
    [InlineData(20u, "not a number")]
    [InlineData(17u, "escape format")]
    [InlineData(1009u, "{unclosed")]
    [InlineData(1016u, "{{{{{{{{{{{{1}}}}}}}}}}}}")]
    public void A_value_that_cannot_be_read_fails_the_row(uint type, string text)
    {
        var rules = new RuleSetHarness("bucket_definitions:\n  g:\n    data: [SELECT * FROM t]\n");

        Assert.Equal(["error Convert g"], rules.Put(RuleSetHarness.Table("t", ("id", 25u), ("v", type)), RuleSetHarness.Row("1", text)));
    }

    [Fact]
    public void Columns_that_no_query_reads_are_not_even_converted()
    {
        var rules = new RuleSetHarness("bucket_definitions:\n  g:\n    data: [SELECT id FROM t]\n");

        Assert.Equal(
            ["row t 1 {\"id\":\"1\"}", "bucket g[]"],
            rules.Put(RuleSetHarness.Table("t", ("id", 25u), ("v", 20u)), RuleSetHarness.Row("1", "not a number")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("config: {edition: 2}\n")]
    public void A_passed_column_and_a_computed_one_give_the_same(string config)
    {
        var rules = new RuleSetHarness(config + "bucket_definitions:\n  g:\n    data: ['SELECT id, v AS passed, ifnull(v, 1) AS computed FROM t']\n");
        (uint Type, string Text)[] values =
        [
            (25, "a\"b"), (3802, "[1]"), (1082, "infinity"), (1083, "17:42:01.1"), (1114, "2023-03-06 15:47:12.4"), (1114, "10000-01-01 00:00:00"),
            (1184, "2023-03-06 13:47:00.12345+00"), (1184, "2023-03-06 13:47:00+02"), (1184, "-infinity"), (3220, "16/B374D848"), (2950, "x"),
        ];

        foreach (var (type, text) in values)
        {
            var line = rules.Put(RuleSetHarness.Table("t", ("id", 25u), ("v", type)), RuleSetHarness.Row("1", text))[0];
            var data = RuleSetHarness.Json(line["row t 1 ".Length..]);
            var computed = data.GetProperty("computed").ToString();
            Assert.Equal(data.GetProperty("passed").ValueKind == System.Text.Json.JsonValueKind.Null ? "1" : data.GetProperty("passed").GetString(), computed);
        }
    }

    private static string Value(string config, uint type, string text)
    {
        var rules = new RuleSetHarness(config + "bucket_definitions:\n  g:\n    data: [SELECT * FROM t]\n");
        var lines = rules.Put(RuleSetHarness.Table("t", ("id", 25u), ("v", type)), RuleSetHarness.Row("1", text));
        const string Before = "row t 1 {\"id\":\"1\",\"v\":";
        Assert.StartsWith(Before, lines[0], StringComparison.Ordinal);
        return lines[0][Before.Length..^1];
    }
}
