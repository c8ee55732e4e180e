namespace TopGun.Buckets.Client;

/// <summary>How a table takes part in synchronisation.</summary>
public enum TableKind
{
    /// <summary>Downloaded, and local writes are uploaded.</summary>
    Synced,

    /// <summary>Stays on this device: drafts, screen state.</summary>
    LocalOnly,

    /// <summary>Inserts are uploaded and not kept: logs, telemetry.</summary>
    InsertOnly,
}

/// <summary>Which earlier values an upload entry carries for changed and deleted rows.</summary>
public enum TrackPrevious
{
    /// <summary>None.</summary>
    None,

    /// <summary>All columns.</summary>
    All,

    /// <summary>Of an update, just the columns that it changed; of a delete, all columns.</summary>
    Changed,
}

/// <summary>In which form a table keeps its rows on the device.</summary>
public enum TableStorage
{
    /// <summary>Each row as the JSON that the service sent; a view shows the columns. Columns come and go without any work.</summary>
    View,

    /// <summary>
    /// A real SQLite table with typed columns, which the client creates and alters: for <c>INSERT … ON CONFLICT</c>, triggers, indexes and full-text search of
    /// the app's own, and for queries that read many rows. Not for insert-only tables, which keep no rows.
    /// </summary>
    Native,
}

/// <summary>One table. Its key <c>id</c> is text, always present and never declared.</summary>
/// <param name="Name">Name that the service uses for the table's rows.</param>
/// <param name="Columns">Columns the app wants to see; the rest of what the service sends is kept and not shown.</param>
public sealed record LocalTable(string Name, params IReadOnlyList<LocalColumn> Columns)
{
    /// <summary>How it takes part in synchronisation. Default: synced.</summary>
    public TableKind Kind { get; init; }

    /// <summary>In which form its rows are kept. Default: a view. May change between versions of the app; rows and queued writes stay.</summary>
    public TableStorage Storage { get; init; }

    /// <summary>Name in SQL, when it differs from <see cref="Name"/>.</summary>
    public string? ViewName { get; init; }

    /// <summary>Indexes on columns.</summary>
    public IReadOnlyList<LocalIndex> Indexes { get; init; } = [];

    /// <summary>Earlier values in upload entries. Default: none.</summary>
    public TrackPrevious TrackPrevious { get; init; }

    /// <summary>Adds the write-only columns <c>_metadata</c>, sent along with the upload entry, and <c>_deleted</c>, to delete with metadata.</summary>
    public bool TrackMetadata { get; init; }

    /// <summary>Uploads updates that change no value. Default: no.</summary>
    public bool QueueEmptyUpdates { get; init; }

    internal string SqlName => ViewName ?? Name;

    internal bool IsNative => Storage == TableStorage.Native;
}

/// <summary>What a column holds. SQLite converts on reading, so a wrong kind shows odd values but loses nothing.</summary>
public enum ColumnKind
{
    Text,
    Integer,
    Real,
}

/// <summary>One column.</summary>
public sealed record LocalColumn(string Name, ColumnKind Kind)
{
    /// <summary>Text; also identifiers, times in ISO 8601 and JSON.</summary>
    public static LocalColumn Text(string name) => new(name, ColumnKind.Text);

    /// <summary>64-bit integers; also booleans as 0 and 1.</summary>
    public static LocalColumn Integer(string name) => new(name, ColumnKind.Integer);

    /// <summary>Floating point numbers.</summary>
    public static LocalColumn Real(string name) => new(name, ColumnKind.Real);
}

/// <summary>An index.</summary>
/// <param name="Name">Unique within its table.</param>
/// <param name="Columns">Column names, in order; a name followed by <c> DESC</c> sorts downwards.</param>
public sealed record LocalIndex(string Name, params IReadOnlyList<string> Columns);
