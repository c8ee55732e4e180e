using System.Globalization;

namespace TopGun.Buckets.Replication;

/// <summary>A transaction at the source that has written and not ended: slots are not created, and WAL is not let go, before it ends.</summary>
/// <param name="ProcessId">The server process that runs it; null when it is prepared for a second phase.</param>
/// <param name="PreparedName">The name it was prepared under; null when a process runs it.</param>
/// <param name="Owner">Its role and, if it says so, its application.</param>
public sealed record OpenTransaction(int? ProcessId, string? PreparedName, string Owner)
{
    /// <summary>Names transactions, with the statements that end them.</summary>
    public static string Remedy(IReadOnlyList<OpenTransaction> transactions)
    {
        if (transactions.Count == 0)
            return "End forgotten ones (pg_stat_activity, pg_prepared_xacts).";
        var names = string.Join(", ", transactions.Select(one => one.Describe()));
        return $"Open are {names}. To end them: {string.Join(' ', transactions.Select(one => one.Statement()))}";
    }

    private string Describe() => ProcessId is { } pid
        ? string.Create(CultureInfo.InvariantCulture, $"process {pid} ({Owner})")
        : $"prepared transaction {SqlText.Literal(PreparedName!)} ({Owner})";

    private string Statement() => ProcessId is { } pid
        ? string.Create(CultureInfo.InvariantCulture, $"SELECT pg_terminate_backend({pid});")
        : $"ROLLBACK PREPARED {SqlText.Literal(PreparedName!)};";
}
