using Xunit;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>
/// Cases that failed once, made as small as they could be: <c>Regressions/what-was-wrong.json</c> is what a report prints as <c>TOPGUN_SIM_CASE</c>.
/// </summary>
public sealed class RegressionTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Regressions");

    public static TheoryData<string> Names => [.. Directory.EnumerateFiles(Folder, "*.json").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void What_was_mended_stays_mended(string name)
    {
        var result = World.Run(Scenario.Parse(File.ReadAllText(Path.Combine(Folder, $"{name}.json"))));

        Assert.True(result.Failure is null, result.Describe());
    }
}
