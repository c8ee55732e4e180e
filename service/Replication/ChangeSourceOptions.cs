using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>What to do when continuity with the source is lost: the slot is gone, the cluster is another one, changes were skipped.</summary>
public enum ContinuityPolicy
{
    /// <summary>Read everything again from a snapshot.</summary>
    Resnapshot,

    /// <summary>Stop and leave it to a person.</summary>
    Halt,
}

/// <summary>What is replicated, and how.</summary>
public sealed record ChangeSourceOptions
{
    /// <summary>Tables to replicate at first, normally those of the sync rules; see <see cref="IChangeSource.Follow"/>.</summary>
    public required IReadOnlyList<TablePattern> Tables { get; init; }

    /// <summary>Name of the publication. Created when missing and allowed.</summary>
    public string Publication { get; init; } = "topgun";

    /// <summary>Name of the slot. By default made from the names of the database and the publication, because slots belong to the whole server.</summary>
    public string? SlotName { get; init; }

    /// <summary>What to do when continuity is lost.</summary>
    public ContinuityPolicy OnContinuityLost { get; init; } = ContinuityPolicy.Resnapshot;

    /// <summary>Rows of one snapshot chunk at most; wide rows make smaller chunks.</summary>
    public int SnapshotChunkRows { get; init; } = 10_000;

    /// <summary>How long an idle source may hold back WAL that others write before a message of our own moves the slot on.</summary>
    public TimeSpan IdleMarkerInterval { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Whether an event trigger of ours is to tell of changed definitions; made when it is missing and the role may. See <see cref="DefinitionTrigger"/>.</summary>
    public bool UsesDefinitionTrigger { get; init; }

    /// <summary>How often the catalogue is looked at, while changes are followed, for what the stream does not say.</summary>
    public TimeSpan PublicationWatchInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long creating the slot may wait for transactions that were already running.</summary>
    public TimeSpan SlotCreationTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// Where several processes share a store: completes once this one is certainly the one that writes it, and fails when another is. Only then the slot is
    /// read; a process that was replaced and has not learnt of it is made to let go of the slot. Null where there is nobody else.
    /// </summary>
    public Func<CancellationToken, ValueTask>? EnsureWriter { get; init; }

    /// <summary>
    /// WAL in bytes that the slot may hold back at the source. Beyond it the slot is dropped, so that the source lives, and everything is read again
    /// later. Null leaves it to the server's max_slot_wal_keep_size.
    /// </summary>
    public long? SlotWalLimitBytes { get; init; }
}

/// <summary>Which tables a pattern of the rules stands for.</summary>
public static class TablePatterns
{
    /// <summary>Whether the pattern stands for that table.</summary>
    public static bool Matches(this TablePattern pattern, string schema, string table) =>
        (pattern.Schema == schema || (pattern.Schema.EndsWith('%') && schema.StartsWith(pattern.Schema.AsSpan(0, pattern.Schema.Length - 1), StringComparison.Ordinal)))
        && pattern.MatchesName(table);

    /// <summary>Whether the pattern's name, with its <c>%</c>, stands for that table name.</summary>
    public static bool MatchesName(this TablePattern pattern, string table) =>
        pattern.Name.EndsWith('%')
            ? table.StartsWith(pattern.Name.AsSpan(0, pattern.Name.Length - 1), StringComparison.Ordinal)
            : pattern.Name == table;
}
