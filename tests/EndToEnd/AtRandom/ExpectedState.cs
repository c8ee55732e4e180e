using System.Text.Json;
using TopGun.Buckets.Tests.Support;

namespace TopGun.Buckets.Tests.EndToEnd.AtRandom;

/// <summary>What clients have to show after one transaction.</summary>
/// <param name="Columns">Columns that each table has then.</param>
/// <param name="Rows">Rows by user, each as one text, in order.</param>
internal sealed record ExpectedState(
    IReadOnlyDictionary<string, IReadOnlyList<string>> Columns, IReadOnlyDictionary<string, IReadOnlyList<string>> Rows)
{
    /// <summary>The first difference to what a user is shown; null when there is none.</summary>
    public string? FindDifference(string user, ClientView view)
    {
        var shown = view.Rows.Where(row => row.Type != "clock").Select(Text).Order(StringComparer.Ordinal).ToList();
        var expected = Rows[user];
        if (shown.SequenceEqual(expected))
            return null;
        var missing = expected.Except(shown).FirstOrDefault();
        var surplus = shown.Except(expected).FirstOrDefault();
        return $"missing is [{Short(missing)}], too much is [{Short(surplus)}]; {shown.Count} rows instead of {expected.Count}";
    }

    /// <summary>A row as <see cref="RandomTable.ShownTo"/> has it. A column that was dropped may linger: apps do not see it.</summary>
    private string Text(RowCopy row)
    {
        using var data = JsonDocument.Parse(row.Data);
        var columns = Columns[row.Type].Where(column => column != "id").Order(StringComparer.Ordinal)
            .Where(column => data.RootElement.TryGetProperty(column, out var value) && value.ValueKind != JsonValueKind.Null)
            .Select(column => $"{column}={data.RootElement.GetProperty(column)}");
        return string.Join('|', [$"{row.Type}/{row.Id}", .. columns]);
    }

    private static string Short(string? row) => row is { Length: > 400 } ? row[..400] + "…" : row ?? "nothing";
}
