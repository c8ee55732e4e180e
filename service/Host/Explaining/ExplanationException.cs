using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary>What an explanation was asked about is not there.</summary>
internal sealed class ExplanationException : BucketsException
{
    private ExplanationException(string message, string hint)
        : base("TGB1006", message, hint)
    {
    }

    public static ExplanationException NoTable(TablePattern table) => new(
        $"The source has no table '{table.Schema}.{table.Name}'.", "Write its name as the database stores it, with the schema when it is not 'public'.");

    public static ExplanationException NoRow(TablePattern table, IEnumerable<string> key) => new(
        $"The table '{table.Schema}.{table.Name}' has no row with the key {string.Join(", ", key.Select(value => $"'{value}'"))}.",
        "To ask about a row that is not there, give it as JSON with --row.");

    public static ExplanationException WrongKey(TablePattern table, IReadOnlyList<string> columns) => new(
        columns.Count == 0
            ? $"The table '{table.Schema}.{table.Name}' has no key to find a row by."
            : $"The key of '{table.Schema}.{table.Name}' is {string.Join(", ", columns)}.",
        columns.Count == 0 ? "Give the row as JSON with --row." : "Give one value for each of them, in that order, or the row as JSON with --row.");
}
