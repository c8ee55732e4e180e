using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Streaming.Operator;

/// <summary>Tells how the rooms on the other side of the grid do. Declared by the one who asks, provided by the host.</summary>
public interface IServiceReporter
{
    /// <summary>As things stand now.</summary>
    ServiceReport Report();

    /// <summary>Buckets in the order in which they came into being.</summary>
    /// <param name="after">Number of the bucket after which to begin; 0 for the first.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="isWanted">Which ones, by name.</param>
    IReadOnlyList<BucketReport> Buckets(int after, int limit, Func<string, bool> isWanted);

    /// <summary>Totals of one bucket; those of an unknown one are 0.</summary>
    BucketReport Bucket(string name);
}

/// <summary>How the service does.</summary>
/// <param name="Version">Of the program.</param>
/// <param name="Role"><c>writer</c> or <c>reader</c>.</param>
/// <param name="StartedAt">When the process began.</param>
/// <param name="Replication">The source and the way from there.</param>
/// <param name="Store">What is kept.</param>
/// <param name="LastErrors">What went wrong lately, the newest first.</param>
public sealed record ServiceReport(
    string Version,
    string Role,
    DateTimeOffset StartedAt,
    ReplicationReport Replication,
    StoreStatusReport Store,
    IReadOnlyList<ErrorReport> LastErrors);

/// <summary>How replication does. In a process that only reads the store: the writer's, as far as it is stored.</summary>
/// <param name="Phase"><c>connecting</c>, <c>snapshot</c>, <c>streaming</c>, <c>unavailable</c>, <c>halted</c> or <c>following</c> (a reader).</param>
/// <param name="Since">Since when.</param>
/// <param name="Slot">Name of the slot; null before there is one.</param>
/// <param name="Position">Everything that committed before it has come.</param>
/// <param name="SourcePosition">The source's end, as of at most ten seconds ago.</param>
/// <param name="LagBytes">WAL between the two; null while the source is not followed.</param>
/// <param name="LagSeconds">Age of what is shown; while the source is not followed, since it was last heard of; null when nothing is known.</param>
/// <param name="Failure">Why the source cannot be used; null when it can.</param>
/// <param name="SlotBudget">What the slot holds back at the source, as of the last look.</param>
/// <param name="Snapshot">How far the snapshot is; null while none is read.</param>
/// <param name="Stale">Why what is shown is not the source's present state; null when it is.</param>
/// <param name="Tables">The tables that are followed.</param>
public sealed record ReplicationReport(
    string Phase,
    DateTimeOffset Since,
    string? Slot,
    string? Position,
    string? SourcePosition,
    long? LagBytes,
    double? LagSeconds,
    FailureReport? Failure,
    SlotBudgetReport? SlotBudget,
    SnapshotReport? Snapshot,
    StaleReport? Stale,
    IReadOnlyList<TableReport> Tables);

/// <summary>A named failure.</summary>
/// <param name="Code">As in the list of error codes.</param>
/// <param name="Message">What happened, and what to do.</param>
public sealed record FailureReport(string Code, string Message);

/// <summary>What a slot holds back at the source.</summary>
/// <param name="HeldBytes">WAL now.</param>
/// <param name="LimitBytes">WAL that it may hold back; null without a limit.</param>
/// <param name="Used">Part of the limit, from 0 to 1.</param>
/// <param name="SecondsLeft">Until the limit at the present pace; null when it does not come nearer.</param>
public sealed record SlotBudgetReport(long HeldBytes, long? LimitBytes, double Used, double? SecondsLeft);

/// <summary>How far a snapshot is.</summary>
/// <param name="RowCount">Rows read.</param>
/// <param name="ByteCount">Bytes read by this process.</param>
/// <param name="Fraction">Part of the tables, from 0 to 1.</param>
/// <param name="SecondsLeft">At the pace so far; null while nothing can be said.</param>
public sealed record SnapshotReport(long RowCount, long ByteCount, double Fraction, double? SecondsLeft);

/// <summary>Why something shown is not as it is at the source.</summary>
/// <param name="Reason">In a clause.</param>
/// <param name="Since">Since when that is known.</param>
public sealed record StaleReport(string Reason, DateTimeOffset Since);

/// <summary>One table.</summary>
/// <param name="Name">Schema and name.</param>
/// <param name="RowCount">Rows that its reading gave.</param>
/// <param name="IsRead">Whether it has been read to its end.</param>
/// <param name="IsRefreshing">Whether it is being read again beside the stream.</param>
/// <param name="Stale">Why it may not be what it is at the source; null when it is.</param>
public sealed record TableReport(string Name, long RowCount, bool IsRead, bool IsRefreshing, StaleReport? Stale);

/// <summary>What the store holds.</summary>
/// <param name="Backend"><c>embedded</c>, <c>postgres</c> or <c>null</c>.</param>
/// <param name="Place">Folder, or server, database and schema.</param>
/// <param name="LastOpId">Last operation given out.</param>
/// <param name="DurableOpId">Last operation that is in the store; null in a process that only reads it.</param>
/// <param name="WaitingBytes">Changes that are not in it yet.</param>
/// <param name="BucketCount">Number of buckets.</param>
/// <param name="SkippedRows">Rows that clients get nothing of, or not all; null in a process that only reads the store.</param>
/// <param name="DamagedBuckets">Buckets that were found to be damaged and are not replaced yet; null in a process that only reads the store.</param>
public sealed record StoreStatusReport(
    string Backend, string Place, OpId LastOpId, OpId? DurableOpId, long WaitingBytes, int BucketCount, SkippedRowsReport? SkippedRows,
    IReadOnlyList<DamagedBucketReport>? DamagedBuckets);

/// <summary>A bucket that is refused to who needs it from the store, until it has been filled anew.</summary>
/// <param name="Name">Full name.</param>
/// <param name="Finding">What was found.</param>
/// <param name="Since">When.</param>
public sealed record DamagedBucketReport(string Name, string Finding, DateTimeOffset Since);

/// <summary>Rows that are or were left out, because they are too long or the rules fail for them.</summary>
/// <param name="Open">Rows that are left out now.</param>
/// <param name="Unlisted">Times that another row was left out when the list was full.</param>
/// <param name="Rows">At most 100: those that are left out, then those that were, the latest first.</param>
public sealed record SkippedRowsReport(int Open, long Unlisted, IReadOnlyList<SkippedRowReport> Rows);

/// <summary>One such row.</summary>
/// <param name="Table">Schema and name of its table.</param>
/// <param name="Key">Its key columns.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Position">Commit position of the last change that left it out.</param>
/// <param name="CommittedAt">When that committed; null for a row that was read from its table.</param>
/// <param name="Definition">The bucket definition or stream that failed.</param>
/// <param name="Reason">Why.</param>
/// <param name="Count">Changes so far that left it out.</param>
/// <param name="MendedPosition">Where it was well again, or gone; null while it is left out.</param>
public sealed record SkippedRowReport(
    string Table, string Key, long Bytes, string Position, DateTimeOffset? CommittedAt, string Definition, string Reason, long Count, string? MendedPosition);

/// <summary>One bucket.</summary>
/// <param name="Number">Counts the buckets in the order in which they came into being; 0 for one that is not there.</param>
/// <param name="Name">Full name.</param>
/// <param name="OpCount">Operations.</param>
/// <param name="ByteCount">Bytes of their rows.</param>
/// <param name="Checksum">As clients compare it.</param>
/// <param name="LastOpId">Last operation.</param>
/// <param name="Superseded">Operations that compaction can win, as far as is known.</param>
public sealed record BucketReport(int Number, string Name, long OpCount, long ByteCount, uint Checksum, OpId LastOpId, long Superseded);

/// <summary>Something that went wrong.</summary>
/// <param name="At">When it was last seen.</param>
/// <param name="Count">How often in a row.</param>
/// <param name="Level"><c>warning</c> or <c>error</c>.</param>
/// <param name="Code">As in the list of error codes, when it has one.</param>
/// <param name="EventId">Of the log line.</param>
/// <param name="Source">Who told it.</param>
/// <param name="Message">As in the log.</param>
public sealed record ErrorReport(DateTimeOffset At, int Count, string Level, string? Code, int EventId, string Source, string Message);
