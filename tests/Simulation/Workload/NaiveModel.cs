namespace TopGun.Buckets.Tests.Simulation.Workload;

/// <summary>Rows as text, so that sets of them can be compared and read.</summary>
internal static class NaiveModel
{
    /// <summary>A row as <c>table|id|column|column …</c>; null shows as <c>∅</c>.</summary>
    public static string Describe(string table, IEnumerable<string?> values) =>
        $"{table}|{string.Join('|', values.Select(value => value ?? "∅"))}";

    /// <summary>What differs between two sets of rows, in words.</summary>
    public static string Difference(SortedSet<string> expected, SortedSet<string> found)
    {
        var missing = expected.Except(found, StringComparer.Ordinal).Select(row => $"    missing  {row}");
        var surplus = found.Except(expected, StringComparer.Ordinal).Select(row => $"    surplus  {row}");
        return string.Join(Environment.NewLine, missing.Concat(surplus).Take(20));
    }

    /// <summary>Whose business a difference is: that of the forms of values when nothing but they differ.</summary>
    public static string CheckerOf(SortedSet<string> expected, SortedSet<string> found) =>
        expected.Except(found, StringComparer.Ordinal).Concat(found.Except(expected, StringComparer.Ordinal))
            .All(row => row.StartsWith($"{ValueZoo.Table.Name}|", StringComparison.Ordinal)) && KeysOf(expected).SetEquals(KeysOf(found))
            ? "C-FORM"
            : "C-MODEL";

    private static HashSet<string> KeysOf(SortedSet<string> rows) => [.. rows.Select(row => string.Join('|', row.Split('|', 3).Take(2)))];
}
