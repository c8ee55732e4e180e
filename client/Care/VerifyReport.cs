namespace TopGun.Buckets.Client;

/// <summary>What <see cref="BucketsClient.VerifyAsync"/> found.</summary>
/// <param name="Problems">Empty when all is well.</param>
/// <param name="IsComplete">False while a first download is under way: then only the file itself was looked at.</param>
public sealed record VerifyReport(IReadOnlyList<VerifyProblem> Problems, bool IsComplete)
{
    /// <summary>Whether nothing is wrong.</summary>
    public bool IsSound => Problems.Count == 0;
}

/// <summary>One thing that is not as it should be.</summary>
/// <param name="Kind">What.</param>
/// <param name="Where">The bucket or table; for a damaged file what SQLite says of it.</param>
/// <param name="Rows">How many rows are concerned; 0 for a file or a bucket as a whole.</param>
/// <param name="Example">Id of one of them.</param>
public sealed record VerifyProblem(VerifyProblemKind Kind, string Where, long Rows = 0, string? Example = null);

/// <summary>What can be wrong with a local database.</summary>
public enum VerifyProblemKind
{
    /// <summary>SQLite finds the file damaged. <see cref="BucketsClient.ResyncAsync"/> does not mend that; a new file does.</summary>
    DamagedFile,

    /// <summary>A bucket does not hold the operations that its checksum was counted from.</summary>
    BucketSum,

    /// <summary>Rows that no bucket accounts for, and that are no local writes either.</summary>
    RowWithoutOperation,

    /// <summary>Downloaded rows that are not in their table, and were not deleted locally either.</summary>
    OperationWithoutRow,
}
