using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Language;

/// <summary>Columns of every form on their way to the wire, under the switches that change them.</summary>
public sealed class WireValueTests
{
    private static readonly SourceType Instants = new(SourceTypeKind.Composite, 60001, [new("at", Base(1184)), new("day", Base(1082)), new("of", Base(1083))]);
    private static readonly SourceType Mixed = new(
        SourceTypeKind.Composite, 60002, [new("yes", Base(16)), new("real", Base(701)), new("bytes", Base(17)), new("json", Base(3802)), new("nothing", Base(25)), new("list", Base(1007))]);

    [Theory]
    [InlineData(1184u, "2024-05-06 07:08:09+00", "2024-05-06 07:08:09Z", "2024-05-06T07:08:09.000000Z")]
    [InlineData(1184u, "2024-05-06 07:08:09.5+00", "2024-05-06 07:08:09.5Z", "2024-05-06T07:08:09.500000Z")]
    [InlineData(1184u, "2024-05-06 07:08:09.123956+00", "2024-05-06 07:08:09.123956Z", "2024-05-06T07:08:09.123956Z")]
    [InlineData(1114u, "2024-05-06 07:08:09.5", "2024-05-06 07:08:09.5", "2024-05-06T07:08:09.500000")]
    [InlineData(1083u, "07:08:09", "07:08:09", "07:08:09.000000")]
    [InlineData(1184u, "infinity", "9999-12-31 23:59:59Z", "9999-12-31T23:59:59.000000Z")]
    [InlineData(1184u, "-infinity", "0000-01-01 00:00:00Z", "0000-01-01T00:00:00.000000Z")]
    [InlineData(1114u, "infinity", "9999-12-31 23:59:59", "9999-12-31T23:59:59.000000")]
    [InlineData(1114u, "-infinity", "0000-01-01 00:00:00", "0000-01-01T00:00:00.000000")]
    [InlineData(1184u, "0044-03-15 00:00:00+00 BC", null, null)]
    [InlineData(1184u, "294276-12-31 00:00:00+00", null, null)]
    [InlineData(1114u, "10000-01-01 00:00:00", null, null)]
    [InlineData(1082u, "2024-05-06", "2024-05-06", "2024-05-06")]
    [InlineData(1082u, "infinity", "9999-12-31", "9999-12-31")]
    [InlineData(1082u, "-infinity", "0000-01-01", "0000-01-01")]
    [InlineData(1266u, "07:08:09+02", "07:08:09+02", "07:08:09+02")]
    public void A_time_with_each_setting_of_the_switch_in_each_edition(uint type, string text, string? plain, string? iso)
    {
        for (var edition = 1; edition <= 3; edition++)
        {
            Assert.Equal(Quoted(plain), Value(edition, "timestamps_iso8601: false", Base(type), text));
            Assert.Equal(Quoted(iso), Value(edition, "timestamps_iso8601: true", Base(type), text));
            Assert.Equal(Quoted(edition == 1 ? plain : iso), Value(edition, "", Base(type), text));
        }
    }

    [Theory]
    [InlineData("seconds", "2024-05-06T07:08:09Z", "07:08:09")]
    [InlineData("milliseconds", "2024-05-06T07:08:09.999Z", "07:08:09.999")]
    [InlineData("microseconds", "2024-05-06T07:08:09.999999Z", "07:08:09.999999")]
    [InlineData("nanoseconds", "2024-05-06T07:08:09.999999Z", "07:08:09.999999")]
    public void Precision_cuts_and_never_rounds_inside_containers_too(string precision, string instant, string time)
    {
        var switches = $"timestamp_max_precision: {precision}";
        Assert.Equal(Quoted(instant), Value(2, switches, Base(1184), "2024-05-06 07:08:09.999999+00"));
        Assert.Equal(Quoted(time), Value(3, switches, Base(1083), "07:08:09.999999"));
        Assert.Equal($"\"[\\\"{instant}\\\"]\"", Value(3, switches, Base(1185), "{\"2024-05-06 07:08:09.999999+00\"}"));
        Assert.Equal(
            $"\"{{\\\"at\\\":\\\"{instant}\\\",\\\"day\\\":\\\"2024-05-06\\\",\\\"of\\\":\\\"{time}\\\"}}\"",
            Value(3, switches, Instants, "(\"2024-05-06 07:08:09.999999+00\",2024-05-06,07:08:09.999999)"));
    }

    [Theory]
    [InlineData("(t,2,\"\\\\x00\",\"{\"\"a\"\": 1}\",,\"{1,NULL}\")", "{\"yes\":1,\"real\":2.0,\"json\":{\"a\": 1},\"nothing\":null,\"list\":[1,null]}")]
    [InlineData("(f,-0.5,,null,\"\",\"{}\")", "{\"yes\":0,\"real\":-0.5,\"json\":null,\"nothing\":\"\",\"list\":[]}")]
    public void Members_of_a_composite_convert_by_their_own_type(string text, string json)
    {
        Assert.Equal(Quoted(json.Replace("\"", "\\\"", StringComparison.Ordinal)), Value(2, "", Mixed, text));
        Assert.Equal(Quoted(text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)), Value(2, "custom_postgres_types: false", Mixed, text));
    }

    [Theory]
    [InlineData(1001u, "{\"\\\\x01\",NULL}", "[null,null]")]
    [InlineData(1000u, "{t,f}", "[1,0]")]
    [InlineData(1021u, "{1,2.5,NULL}", "[1.0,2.5,null]")]
    [InlineData(1016u, "{9223372036854775807}", "[9223372036854775807]")]
    [InlineData(2951u, "{00112233-4455-6677-8899-aabbccddeeff}", "[\\\"00112233-4455-6677-8899-aabbccddeeff\\\"]")]
    [InlineData(1182u, "{2024-01-01,infinity}", "[\\\"2024-01-01\\\",\\\"9999-12-31\\\"]")]
    [InlineData(199u, "{\"[1, 2]\"}", "[[1, 2]]")]
    [InlineData(1016u, "[1:1][2:3]={{1,2}}", "[[1,2]]")]
    [InlineData(2210u, "{pg_class}", "[\\\"pg_class\\\"]")]
    [InlineData(1187u, "{\"1 day\"}", "[\\\"1 day\\\"]")]
    public void Elements_of_an_array_convert_by_their_own_type(uint type, string text, string json) =>
        Assert.Equal(Quoted(json), Value(1, "", Base(type), text));

    [Fact]
    public void Eleven_containers_may_be_nested_and_a_twelfth_fails_the_row()
    {
        string Nested(int depth) => new string('{', depth) + "1" + new string('}', depth);

        Assert.Equal(Quoted(new string('[', 11) + "1" + new string(']', 11)), Value(1, "", Base(1016), Nested(11)));
        Assert.Equal("error", Value(1, "", Base(1016), Nested(12)));

        var type = Base(23);
        var (text, json) = ("1", "1");
        for (var depth = 1; depth <= 12; depth++)
        {
            type = new SourceType(SourceTypeKind.Composite, 60100 + (uint)depth, [new("a", type)]);
            text = depth == 1 ? $"({text})" : $"(\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\")";
            json = $"{{\\\"a\\\":{json}}}";
            Assert.Equal(depth <= 11 ? Quoted(json) : "error", Value(2, "", type, text));
        }
    }

    [Theory]
    [InlineData(701u, "1", "1.0")]
    [InlineData(701u, "-0", "0.0")]
    [InlineData(701u, "1e21", "1e+21")]
    [InlineData(701u, "1e20", "100000000000000000000.0")]
    [InlineData(701u, "1.5e-7", "1.5e-7")]
    [InlineData(701u, "1e-10", "1e-10")]
    [InlineData(701u, "0.000001", "0.000001")]
    [InlineData(701u, "1.7976931348623157e308", "1.7976931348623157e+308")]
    [InlineData(701u, "123456789012345680000", "123456789012345680000.0")]
    [InlineData(701u, "0.1", "0.1")]
    [InlineData(700u, "0.1", "0.1")]
    [InlineData(701u, "NaN", "null")]
    [InlineData(701u, "Infinity", "null")]
    [InlineData(20u, "-9223372036854775808", "-9223372036854775808")]
    [InlineData(21u, "-1", "-1")]
    [InlineData(26u, "4294967295", "4294967295")]
    [InlineData(16u, "t", "1")]
    [InlineData(1700u, "NaN", "\"NaN\"")]
    [InlineData(1700u, "1.0", "\"1.0\"")]
    [InlineData(790u, "$1.00", "\"$1.00\"")]
    [InlineData(869u, "::1/64", "\"::1/64\"")]
    [InlineData(3802u, "\"a\"", "\"\\\"a\\\"\"")]
    [InlineData(114u, " {\"a\" : 1.50 } ", "\" {\\\"a\\\" : 1.50 } \"")]
    [InlineData(25u, "tab\tline\nreturn\rfeed\fback\b", "\"tab\\tline\\nreturn\\rfeed\\fback\\b\"")]
    [InlineData(25u, "\u0001\u001f\u007f/\u2028é😀", "\"\\u0001\\u001f\u007f/\u2028é😀\"")]
    [InlineData(25u, "quote\" back\\slash", "\"quote\\\" back\\\\slash\"")]
    public void Wire_text_of_a_value(uint type, string text, string json)
    {
        for (var edition = 1; edition <= 3; edition++)
            Assert.Equal(json, Value(edition, "", Base(type), text));
    }

    private static SourceType Base(uint typeId) => new(SourceTypeKind.Base, typeId, []);

    private static string Quoted(string? text) => text is null ? "null" : $"\"{text}\"";

    private static string Value(int edition, string switches, SourceType type, string text)
    {
        var rules = new RuleSetHarness(Evaluated.File(edition, "SELECT * FROM t", switches));
        var column = type.Kind == SourceTypeKind.Base ? new SourceColumn("v", type.TypeId, -1, false) : new SourceColumn("v", type.TypeId, -1, false) { Type = type };
        var table = new SourceTable(1, "public", "t", [new SourceColumn("id", 25, -1, true), column], ReplicaIdentity.Default);
        var line = rules.Put(table, RuleSetHarness.Row("1", text))[0];
        const string Before = "row t 1 {\"id\":\"1\",\"v\":";
        return line.StartsWith(Before, StringComparison.Ordinal) ? line[Before.Length..^1] : "error";
    }
}
