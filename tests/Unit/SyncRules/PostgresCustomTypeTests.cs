using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>Composites, ranges, domains and arrays of them, which need the source's description of the type.</summary>
public sealed class PostgresCustomTypeTests
{
    private static readonly SourceType Number = new(SourceTypeKind.Base, 23, []);
    private static readonly SourceType Words = new(SourceTypeKind.Base, 25, []);
    private static readonly SourceType Mood = new(SourceTypeKind.Base, 50001, []);
    private static readonly SourceType Amount = new(SourceTypeKind.Domain, 50002, [new("", Number)]);
    private static readonly SourceType Range = new(SourceTypeKind.Range, 3904, [new("", Number)]);
    private static readonly SourceType Pair = new(
        SourceTypeKind.Composite, 50003,
        [new("a", Number), new("b", Words), new("c", new SourceType(SourceTypeKind.Base, 16, [])), new("bytes", new SourceType(SourceTypeKind.Base, 17, []))]);

    public static TheoryData<SourceType, string, string> Values => new()
    {
        { Amount, "5", "5" },
        { Pair, "(1,\"x \"\"y\"\"\",t,\"\\\\x00\")", "\"{\\\"a\\\":1,\\\"b\\\":\\\"x \\\\\\\"y\\\\\\\"\\\",\\\"c\\\":1}\"" },
        { Pair, "(,,,)", "\"{\\\"a\\\":null,\\\"b\\\":null,\\\"c\\\":null}\"" },
        { Pair, "not a row", "\"not a row\"" },
        { Range, "[2,4)", "\"{\\\"lower\\\":2,\\\"upper\\\":4,\\\"lower_exclusive\\\":0,\\\"upper_exclusive\\\":1}\"" },
        { Range, "(,5]", "\"{\\\"lower\\\":null,\\\"upper\\\":5,\\\"lower_exclusive\\\":1,\\\"upper_exclusive\\\":0}\"" },
        { Range, "empty", "\"\\\"empty\\\"\"" },
        { new(SourceTypeKind.Multirange, 4451, [new("", Range)]), "{[1,2),[3,4)}", "\"[{\\\"lower\\\":1,\\\"upper\\\":2,\\\"lower_exclusive\\\":0,\\\"upper_exclusive\\\":1},{\\\"lower\\\":3,\\\"upper\\\":4,\\\"lower_exclusive\\\":0,\\\"upper_exclusive\\\":1}]\"" },
        { new(SourceTypeKind.Array, 50004, [new("", Mood)]), "{sad,\"very happy\",NULL}", "\"[\\\"sad\\\",\\\"very happy\\\",null]\"" },
        { new(SourceTypeKind.Array, 50005, [new("", Amount)]), "{{1,2},{3,4}}", "\"[[1,2],[3,4]]\"" },
    };

    [Theory]
    [MemberData(nameof(Values))]
    public void A_described_type_is_expanded_in_later_editions_and_stays_text_in_the_first(SourceType type, string text, string json)
    {
        Assert.Equal(json, Value("config: {edition: 2}\n", type, text));
        Assert.Equal(text, System.Text.Json.JsonSerializer.Deserialize<string>(Value("", type, text)));
    }

    private static string Value(string config, SourceType type, string text)
    {
        var rules = new RuleSetHarness(config + "bucket_definitions:\n  g:\n    data: [SELECT * FROM t]\n");
        var table = new SourceTable(
            1, "public", "t", [new SourceColumn("id", 25, -1, true), new SourceColumn("v", type.TypeId, -1, false) { Type = type }], ReplicaIdentity.Default);
        var lines = rules.Put(table, RuleSetHarness.Row("1", text));
        const string Before = "row t 1 {\"id\":\"1\",\"v\":";
        Assert.StartsWith(Before, lines[0], StringComparison.Ordinal);
        return lines[0][Before.Length..^1];
    }
}
