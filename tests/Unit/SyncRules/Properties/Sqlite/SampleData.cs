using System.Text.Json;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Properties.Sqlite;

/// <summary>One request as both sides need it.</summary>
/// <param name="Token">Payload; members may be missing.</param>
/// <param name="Connection">Connection parameters.</param>
/// <param name="Subscriptions">Parameters of each subscription to the stream.</param>
internal sealed record SampleRequest(
    Dictionary<string, object?> Token, Dictionary<string, object?> Connection, IReadOnlyList<Dictionary<string, object?>> Subscriptions);

/// <summary>Random rows of a few tables, few enough different values that they often meet.</summary>
internal sealed class SampleData
{
    private const uint Jsonb = 3802;

    public static readonly string[] Columns = ["id", "a", "b", "n", "m", "j", "o"];
    public static readonly string[] Tables = ["t", "u", "v"];

    private static readonly uint[] Types =
        [RuleSetHarness.Text, RuleSetHarness.Text, RuleSetHarness.Text, RuleSetHarness.Integer, RuleSetHarness.Integer, Jsonb, Jsonb];

    public SampleData(Random random)
    {
        foreach (var table in Tables)
            Rows[table] = [.. Enumerable.Range(0, random.Next(7)).Select(id => Row(random, $"{table}{id}"))];
    }

    /// <summary>Values by table, as text or null, in the order of <see cref="Columns"/>.</summary>
    public Dictionary<string, List<string?[]>> Rows { get; } = [];

    public static bool IsInteger(int column) => Types[column] == RuleSetHarness.Integer;

    public static SourceTable Source(string table) => RuleSetHarness.Table(table, [.. Columns.Zip(Types)]);

    public static SampleRequest Request(Random random)
    {
        var token = new Dictionary<string, object?>();
        if (random.Next(6) > 0)
            token["sub"] = Text(random) ?? "p";
        if (random.Next(4) > 0)
            token["org"] = Text(random);
        if (random.Next(4) > 0)
            token["list"] = Texts(random);
        return new SampleRequest(token, Parameters(random), [.. Enumerable.Range(0, random.Next(3)).Select(_ => Parameters(random))]);
    }

    private static Dictionary<string, object?> Parameters(Random random) => random.Next(4) == 0 ? [] : new() { ["x"] = Text(random) };

    private static string?[] Row(Random random, string id) =>
    [
        id, Text(random), Text(random), Number(random), Number(random),
        random.Next(6) == 0 ? null : JsonSerializer.Serialize(Texts(random)),
        random.Next(6) == 0 ? null : random.Next(5) == 0 ? "{}" : JsonSerializer.Serialize(new { k = Text(random) ?? "p" }),
    ];

    private static string? Text(Random random) => random.Next(6) == 0 ? null : ExpressionGenerator.Texts[random.Next(3)];

    private static string? Number(Random random) => random.Next(6) == 0 ? null : $"{random.Next(4)}";

    private static string[] Texts(Random random) => [.. Enumerable.Range(0, random.Next(4)).Select(_ => ExpressionGenerator.Texts[random.Next(3)])];
}
