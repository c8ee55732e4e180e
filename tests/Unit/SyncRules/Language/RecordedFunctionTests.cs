using System.Globalization;
using System.Text.Json;
using TopGun.Buckets.Tests.Unit.SyncRules.Properties;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Language;

/// <summary>Functions that the SQLite of these tests does not have, against values recorded from SQLite 3.54.1.</summary>
public sealed class RecordedFunctionTests
{
    private const string Switch = "sqlite_functions: true";

    // By which the C library of the recorded SQLite misses the exact value.
    private const int LastDigits = 2;

    /// <remarks>
    /// Each line: the call, its exact value rounded once (computed with 2600 binary digits by mpmath), and SQLite's where its C library rounds otherwise.
    /// </remarks>
    [Fact]
    public void Functions_of_reals_are_rounded_once_and_so_within_the_last_digits_of_SQLite()
    {
        var differences = new List<string>();
        var lines = Lines("sqlite-math.tsv");
        foreach (var parts in lines)
        {
            var exact = double.Parse(parts[1], CultureInfo.InvariantCulture);
            var actual = double.Parse(Evaluated.Of(3, parts[0], Switch), CultureInfo.InvariantCulture);

            if (actual != exact)
                differences.Add($"{parts[0]} is {parts[1]}, not {actual:R}");
            if (parts.Length > 2 && !IsNear(double.Parse(parts[2], CultureInfo.InvariantCulture), actual))
                differences.Add($"{parts[0]} is {parts[2]} in SQLite, not {actual:R}");
        }
        Assert.True(differences.Count == 0, $"{differences.Count} of {lines.Count} differ:\n{string.Join("\n", differences.Take(20))}");
    }

    [Fact]
    public void Differences_of_times_and_modifiers_are_those_of_SQLite()
    {
        var differences = new List<string>();
        var lines = Lines("sqlite-dates.tsv");
        foreach (var parts in lines)
        {
            // Without the exact engine "datetime" knows only the modifiers of bucket definitions.
            var json = Evaluated.Of(3, parts[0], Switch + ", unstable_sqlite_expression_engine: true");
            var actual = JsonElement.Parse(json) is { ValueKind: JsonValueKind.String } text ? text.GetString()! : "null";

            if (actual != parts[1])
                differences.Add($"{parts[0]} is {parts[1]}, not {actual}");
        }
        Assert.True(differences.Count == 0, $"{differences.Count} of {lines.Count} differ:\n{string.Join("\n", differences.Take(20))}");
    }

    [Fact]
    public void A_difference_added_to_the_earlier_or_later_time_gives_the_other()
    {
        var rules = new RuleSetHarness(Evaluated.File(
            3, "SELECT id, datetime(b, timediff(a, b), 'subsec') AS c FROM t", Switch + ", unstable_sqlite_expression_engine: true"));
        foreach (var seed in PropertyRun.Seeds(500))
        {
            var random = new Random(seed);
            var (a, b) = (Time(random), Time(random));

            Assert.Equal($"seed {seed}: row t 1 {{\"id\":\"1\",\"c\":\"{a}\"}}", $"seed {seed}: {rules.Put("t", ("id", "1"), ("a", a), ("b", b))[0]}");
        }
    }

    private static string Time(Random random) => DateTime.MinValue
        .AddMilliseconds(random.NextInt64((long)(DateTime.MaxValue - DateTime.MinValue).TotalMilliseconds))
        .ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture);

    private static bool IsNear(double one, double other) =>
        Math.Abs(BitConverter.DoubleToInt64Bits(one) - BitConverter.DoubleToInt64Bits(other)) <= LastDigits;

    private static List<string[]> Lines(string file) =>
        [.. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "SyncRules", "Language", file)).Select(line => line.Split('\t'))];
}
