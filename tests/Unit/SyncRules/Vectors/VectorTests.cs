using System.Text.Json;
using TopGun.Buckets.SyncRules.Vectors;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Vectors;

/// <summary>The conformance vectors of the language: recorded results of the reference, one JSON object per line.</summary>
public sealed class VectorTests(ITestOutputHelper output)
{
    public static IEnumerable<TheoryDataRow<string>> Ids() =>
        File.ReadLines(FileName()).Select(line => new TheoryDataRow<string>(IdOf(line)));

    [Theory]
    [MemberData(nameof(Ids))]
    public void A_vector_gives_the_recorded_result(string id)
    {
        var line = File.ReadLines(FileName()).Single(line => IdOf(line) == id);
        using var vector = JsonDocument.Parse(line);
        using var actual = JsonDocument.Parse(VectorRunner.Run(line));

        var differences = VectorComparison.Differences(vector.RootElement, actual.RootElement);

        if (vector.RootElement.TryGetProperty("quirk", out var quirk) && quirk.ValueKind is not (JsonValueKind.Null or JsonValueKind.False))
            output.WriteLine(differences.Count == 0 ? "quirk: as the reference" : $"quirk: different. {string.Join("; ", differences)}");
        else
            Assert.True(differences.Count == 0, string.Join("\n", differences));
    }

    private static string FileName() => Path.Combine(AppContext.BaseDirectory, "SyncRules", "Vectors", "sync-rules.jsonl");

    private static string IdOf(string line)
    {
        using var vector = JsonDocument.Parse(line);
        return vector.RootElement.GetProperty("id").GetString()!;
    }
}
