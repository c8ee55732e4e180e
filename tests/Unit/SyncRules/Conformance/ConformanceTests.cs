using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Conformance;

/// <summary>The language reference, sentence by sentence: each case names the section that it is of.</summary>
public sealed class ConformanceTests
{
    private static readonly Dictionary<string, ConformanceCase> Cases = Files()
        .SelectMany(file => ConformanceCase.ReadAll(File.ReadAllText(file)).Select(@case => (Name: $"{Path.GetFileNameWithoutExtension(file)}: {@case.Title}", @case)))
        .ToDictionary(entry => entry.Name, entry => entry.@case);

    public static IEnumerable<TheoryDataRow<string>> Names() => Cases.Keys.Select(name => new TheoryDataRow<string>(name));

    [Theory]
    [MemberData(nameof(Names))]
    public void A_case_gives_what_the_reference_says(string name)
    {
        var differences = ConformanceRun.Differences(Cases[name]);

        Assert.True(differences.Count == 0, string.Join("\n", differences));
    }

    private static IEnumerable<string> Files() =>
        Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "SyncRules", "Conformance"), "*.cases").Order(StringComparer.Ordinal);
}
