using System.Text.Json;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>A row's JSON, most of which is copied from the source's bytes and some of which is not.</summary>
public sealed class RowJsonTests
{
    private const uint Text = RuleSetHarness.Text;
    private const uint Integer = RuleSetHarness.Integer;
    private const uint Boolean = 16;
    private const uint Real = 701;
    private const uint Bytes = 17;

    private static readonly RuleSetHarness Everything = new("bucket_definitions: {b: {data: ['SELECT * FROM t']}}");

    [Fact]
    public void Names_of_every_length_are_written()
    {
        // With comma, quotes and colon some are shorter than a vector, some fill it and some go beyond.
        (string Name, uint Type)[] columns = [.. Enumerable.Range(1, 63).Select(length => (new string('c', length), Text))];
        var line = Row(columns, [.. columns.Select(column => $"value {column.Name.Length}")]);

        var members = JsonElement.Parse(line).EnumerateObject().ToList();

        Assert.Equal(columns.Select(column => column.Name), members.Select(member => member.Name));
        Assert.Equal(columns.Select(column => $"value {column.Name.Length}"), members.Select(member => member.Value.GetString()));
    }

    [Theory]
    [InlineData(Real, "2", ",\"x\":2.0")]
    [InlineData(Text, null, ",\"x\":null")]
    [InlineData(Text, "a\"b", ",\"x\":\"a\\\"b\"")]
    [InlineData(Text, "a text that is longer than one vector, with a tab\tin it", ",\"x\":\"a text that is longer than one vector, with a tab\\tin it\"")]
    [InlineData(Integer, "-7", ",\"x\":-7")]
    [InlineData(Bytes, "\\x01", "")]
    public void A_value_that_is_not_copied_may_stand_anywhere(uint type, string? value, string member)
    {
        Assert.Equal(
            $$"""{"a":"1"{{member}},"b":1}""",
            Row([("a", Text), ("x", type), ("b", Boolean)], ["1", value, "t"]));
        Assert.Equal(
            $$"""{{{(member.Length > 0 ? member[1..] + "," : "")}}"a":"1","b":0}""",
            Row([("x", type), ("a", Text), ("b", Boolean)], [value, "1", "f"]));
        Assert.Equal(
            $$"""{"a":"1","b":1{{member}}}""",
            Row([("a", Text), ("b", Boolean), ("x", type)], ["1", "t", value]));
    }

    [Fact]
    public void A_column_may_be_written_more_than_once()
    {
        var text = new string('x', 5000);
        var rules = new RuleSetHarness("bucket_definitions: {b: {data: ['SELECT id, v, v AS w, v AS x FROM t']}}");

        Assert.Equal($$"""row t 1 {"id":"1","v":"{{text}}","w":"{{text}}","x":"{{text}}"}""", rules.Put("t", ("id", "1"), ("v", text))[0]);
    }

    private static string Row((string Name, uint Type)[] columns, string?[] values) => Everything
        .Put(RuleSetHarness.Table("t", [("id", Text), .. columns]), RuleSetHarness.Row(["0", .. values]))[0]
        .Replace("row t 0 {\"id\":\"0\",", "{", StringComparison.Ordinal);
}
