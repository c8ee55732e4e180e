using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>
/// A row that clients get nothing of, or not all, because it is longer than the limit or the rules fail for it. What they had of it was removed; the rest
/// of its transaction is there. Stored for ever.
/// </summary>
public sealed record SkippedRow
{
    /// <summary>The code under which such rows are told of.</summary>
    public const string Code = "TGB1212";

    /// <summary>What to do about one.</summary>
    public const string Remedy =
        "Shorten the row, or raise the row limit (TOPGUN_ROW_LIMIT) and update the row once, or deploy rules that leave out the table or the column.";

    /// <summary>Schema and name of its table.</summary>
    public required string Table { get; init; }

    /// <summary>Its key columns, as in <c>id=7, day=2024-01-31</c>; long ones are cut off. Empty for a table without a key.</summary>
    public required string Key { get; init; }

    /// <summary>Bytes of what the rules made of it when that is too long, else of its values.</summary>
    public required long Bytes { get; init; }

    /// <summary>Commit position of the last change that left it out; where the log stood, for a row that was read from its table.</summary>
    public required Lsn Position { get; init; }

    /// <summary>When that committed; null for a row that was read from its table.</summary>
    public required DateTimeOffset? CommittedAt { get; init; }

    /// <summary>The bucket definition or stream that first failed.</summary>
    public required string Definition { get; init; }

    /// <summary>Why.</summary>
    public required string Reason { get; init; }

    /// <summary>Changes so far that left it out.</summary>
    public required long Count { get; init; }

    /// <summary>Position at which it was well again, or gone; null while it is left out.</summary>
    public Lsn? Mended { get; init; }

    /// <summary>All that a store holds.</summary>
    /// <param name="storage">The store, opened.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    public static async ValueTask<IReadOnlyList<SkippedRow>> ReadAllAsync(IColdStorage storage, CancellationToken cancellationToken)
    {
        List<SkippedRow> rows = [];
        await foreach (var record in storage.ScanAsync(RecordTable.Meta, SkippedRowRecord.Prefix.ToArray(), cancellationToken))
            rows.Add(SkippedRowRecord.Read(record.Value.Span).Row);
        return rows;
    }
}

/// <summary>The rows that were ever left out, as far as they are listed.</summary>
/// <param name="OpenCount">Rows that are left out now.</param>
/// <param name="Unlisted">Times that a further row was left out after the list was full.</param>
/// <param name="Rows">Those that are left out, then those that were, the latest first.</param>
public sealed record SkippedRowList(int OpenCount, long Unlisted, IReadOnlyList<SkippedRow> Rows);
