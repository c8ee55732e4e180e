using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>What a look into the catalogue has found.</summary>
internal sealed class SourceLook : Errand
{
    /// <summary>Why the stream cannot go on as it is; null when it can.</summary>
    public BucketsException? Failure { get; init; }

    /// <summary>Tables to read.</summary>
    public IReadOnlyList<TableFinding> Tables { get; init; } = [];

    /// <summary>Tables that are followed and cannot be any more, with the sentence that says why and what to do.</summary>
    public IReadOnlyList<(uint RelationId, string Reason)> Refused { get; init; } = [];

    /// <summary>Tables whose rows leave.</summary>
    public IReadOnlyList<uint> Left { get; init; } = [];

    /// <summary>Tables that are followed and whose rows cannot have changed without an event.</summary>
    public IReadOnlyList<SourceTableInfo> Sound { get; init; } = [];

    /// <summary>Whether there is anything to do.</summary>
    public bool HasFindings => Tables.Count > 0 || Refused.Count > 0 || Left.Count > 0;
}

/// <summary>A table that is to be read, or read again.</summary>
/// <param name="Table">The table as the catalogue has it.</param>
/// <param name="Reason">Why, in a clause.</param>
/// <param name="Replaces">Oid of the table that had this name before, when that was another; otherwise 0.</param>
/// <param name="Attempt">Its attempt when it was looked at; −1 when it was not followed.</param>
internal sealed record TableFinding(SourceTableInfo Table, string Reason, uint Replaces, int Attempt);
