using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary>The tables of a source with their columns, for checking names and for types.</summary>
internal static class SourceSchema
{
    private static readonly TablePattern Everything = new("%", "%");

    /// <summary>Every table that could be replicated, of every schema but the system's.</summary>
    /// <exception cref="Protocol.BucketsException">The source cannot be reached or refuses.</exception>
    public static async Task<IReadOnlyList<SourceTable>> ReadAsync(ISource source, CancellationToken cancellationToken)
    {
        await using var session = await source.OpenSessionAsync(cancellationToken);
        return [.. (await session.FindTablesAsync([Everything], cancellationToken)).Select(info => info.Table)];
    }
}
