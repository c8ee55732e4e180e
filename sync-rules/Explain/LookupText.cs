using System.Text.Json;
using TopGun.Buckets.SyncRules.Compilation;

namespace TopGun.Buckets.SyncRules.Explain;

/// <summary>Entries of an index with the names that the author of the rules knows their values by.</summary>
internal static class LookupText
{
    /// <summary>What the row side of each key is called. Alternatives of one condition may compare different columns.</summary>
    public static IReadOnlyList<string> KeyNames(LookupPlan lookup) =>
    [
        .. Enumerable.Range(0, lookup.Matches[0].Keys.Count).Select(index => string.Join(
            " or ", lookup.Matches.Select(match => ExpressionText.Of(match.Keys[index], match.Each)).Distinct())),
    ];

    public static ExplainedEntry EntryOf(LookupPlan lookup, string key, ReadOnlySpan<byte> record) => new(KeyOf(lookup, key), OutputsOf(lookup, record));

    public static IReadOnlyList<ExplainedColumn> KeyOf(LookupPlan lookup, string key)
    {
        var version = key.StartsWith($"{lookup.Prefix}[", StringComparison.Ordinal) ? 0 : key.IndexOf('#', StringComparison.Ordinal) + 1;
        return Named(KeyNames(lookup), key[(version + lookup.Prefix.Length)..]);
    }

    public static IReadOnlyList<ExplainedColumn> OutputsOf(LookupPlan lookup, ReadOnlySpan<byte> record) =>
        Named([.. lookup.Outputs.Select(output => ExpressionText.Of(output))], System.Text.Encoding.UTF8.GetString(record));

    private static List<ExplainedColumn> Named(IReadOnlyList<string> names, string array)
    {
        using var values = JsonDocument.Parse(array);
        return [.. names.Zip(values.RootElement.EnumerateArray(), (name, value) => new ExplainedColumn(name, new ExplainedValue(value.GetRawText())))];
    }
}
