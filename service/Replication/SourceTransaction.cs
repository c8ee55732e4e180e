using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>One committed transaction of the source: its changes in the order in which they were made.</summary>
/// <remarks>Changes are parsed from the raw pgoutput bytes as they are read, and the bytes of a large transaction lie in a file.</remarks>
public abstract class SourceTransaction
{
    /// <summary>Position of the commit record's end: transactions are delivered in this order, and it is what is acknowledged.</summary>
    public abstract Lsn EndPosition { get; }

    /// <summary>When it committed, in microseconds since 2000-01-01 UTC, by the source's clock. For lag, never for logic.</summary>
    public abstract long CommitTimeMicroseconds { get; }

    /// <summary>Bytes of the buffered changes.</summary>
    public abstract long ByteCount { get; }

    /// <summary>Our own markers in the transaction.</summary>
    public abstract IReadOnlyList<WriteCheckpointMarker> Markers { get; }

    /// <summary>Reads the changes from the first on. May be called again; only one reader is used at a time.</summary>
    public abstract RowChangeReader ReadChanges();
}

/// <summary>Reads the changes of a transaction one after the other.</summary>
public abstract class RowChangeReader
{
    /// <summary>Goes to the next change; false after the last. What the previous change exposed becomes invalid.</summary>
    public abstract bool Read();

    /// <summary>Remembers the place before the next change.</summary>
    public abstract void Mark();

    /// <summary>Goes back to the place that was marked last.</summary>
    public abstract void Return();

    /// <summary>Bytes of the change as it is buffered.</summary>
    public abstract int ByteCount { get; }

    /// <summary>What happened.</summary>
    public abstract RowChangeKind Kind { get; }

    /// <summary>The table, for everything but <see cref="RowChangeKind.Truncate"/>. The same object for as long as its definition stays the same.</summary>
    public abstract SourceTable Table { get; }

    /// <summary>Values after an insert or update.</summary>
    public abstract SourceRow New { get; }

    /// <summary>
    /// Values before an update or delete: all columns under identity full, else the key columns. Has no values when an update did not change the key.
    /// </summary>
    public abstract SourceRow Old { get; }

    /// <summary>The tables of a <see cref="RowChangeKind.Truncate"/>.</summary>
    public abstract IReadOnlyList<SourceTable> Truncated { get; }
}

/// <summary>Kind of a change.</summary>
public enum RowChangeKind
{
    /// <summary>A row was inserted.</summary>
    Insert,

    /// <summary>A row was updated.</summary>
    Update,

    /// <summary>A row was deleted.</summary>
    Delete,

    /// <summary>All rows of some tables were deleted at once.</summary>
    Truncate,
}

/// <summary>A write checkpoint that a client asked for and that the stream has now reached.</summary>
/// <param name="UserKey">User and client: <c>sub</c>, or <c>sub/client_id</c>.</param>
/// <param name="Id">The write checkpoint; for one key ids only grow.</param>
public sealed record WriteCheckpointMarker(string UserKey, ulong Id);
