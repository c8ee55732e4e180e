using System.Globalization;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Properties;

/// <summary>
/// How much the properties are tried. <c>TOPGUN_TEST_RULES_ROUNDS=20</c> tries twenty times as many cases as a usual run, and
/// <c>TOPGUN_TEST_RULES_SEED=81244</c> starts at another seed; a failure names the seed of its case, which is then the only one needed.
/// </summary>
internal static class PropertyRun
{
    /// <summary>The seeds of a property that tries so many cases in a usual run.</summary>
    public static IEnumerable<int> Seeds(int rounds) => Enumerable.Range(Number("TOPGUN_TEST_RULES_SEED", 0), rounds * Number("TOPGUN_TEST_RULES_ROUNDS", 1));

    private static int Number(string variable, int otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
