using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog;

/// <summary>Reads rows from the source again when a change left out values that are not stored. Declared by the one who needs it.</summary>
public interface IMissingRows
{
    /// <summary>Fills <paramref name="rows"/> with the rows of these keys as they are now; one that is gone is left out.</summary>
    /// <param name="table">Table to read.</param>
    /// <param name="keys">Texts of the key columns, in the order of the table's columns.</param>
    /// <param name="rows">Receives whole rows.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    /// <returns>
    /// Insert position of the source, asked for after the rows were read. They may come from the future of the stream, so nothing is shown until the
    /// stream has reached it.
    /// </returns>
    ValueTask<Lsn> ReadAsync(
        SourceTable table, IReadOnlyList<IReadOnlyList<string>> keys, RowBuffer rows, CancellationToken cancellationToken);

    /// <summary>Insert position of the source now: whatever was committed before is delivered by the time the stream reaches it.</summary>
    ValueTask<Lsn> ReadPositionAsync(CancellationToken cancellationToken);
}
