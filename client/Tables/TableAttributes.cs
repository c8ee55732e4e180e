namespace TopGun.Buckets.Client;

/// <summary>
/// Makes a record a row of a table: its properties are the columns, and a source generator writes the table's declaration and the code that
/// reads and writes it (<see cref="ITableRow{TSelf}"/>), so nothing is looked up at run time.
/// </summary>
/// <remarks>
/// <code>
/// [SyncedTable("todos")]
/// [TableIndex("by_list", "list_id", "title")]
/// public sealed partial record Todo(string Id, string ListId, string Title, bool Done, DateTimeOffset? DueAt);
/// </code>
/// The record is partial, has one constructor, and the first of its parameters is <c>string Id</c>. A column is named like its parameter in
/// snake case (<c>list_id</c>) unless <see cref="ColumnAttribute"/> says otherwise. A column that is NULL reads as null where the type allows it, and
/// otherwise as the type's default, so that one odd row does not take a screen down.
/// </remarks>
/// <param name="name">Name that the service uses for the table's rows.</param>
[AttributeUsage(AttributeTargets.Class)]
public sealed class SyncedTableAttribute(string name) : Attribute
{
    /// <summary>Name that the service uses for the table's rows.</summary>
    public string Name { get; } = name;

    /// <summary>How it takes part in synchronisation. Default: synced.</summary>
    public TableKind Kind { get; set; }

    /// <summary>In which form its rows are kept. Default: a view.</summary>
    public TableStorage Storage { get; set; }

    /// <summary>Name in SQL, when it differs.</summary>
    public string? ViewName { get; set; }

    /// <summary>Earlier values in upload entries. Default: none.</summary>
    public TrackPrevious TrackPrevious { get; set; }
}

/// <summary>An index of the table.</summary>
/// <param name="name">Unique within its table.</param>
/// <param name="columns">Column names as in SQL, in order; a name followed by <c> DESC</c> sorts downwards.</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
public sealed class TableIndexAttribute(string name, params string[] columns) : Attribute
{
    /// <summary>Unique within its table.</summary>
    public string Name { get; } = name;

    /// <summary>Column names as in SQL.</summary>
    public IReadOnlyList<string> Columns { get; } = columns;
}

/// <summary>Names the column of a parameter.</summary>
/// <param name="name">Name of the column.</param>
[AttributeUsage(AttributeTargets.Parameter)]
public sealed class ColumnAttribute(string name) : Attribute
{
    /// <summary>Name of the column.</summary>
    public string Name { get; } = name;
}
