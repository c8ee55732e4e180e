namespace TopGun.Buckets.Client.LocalStore;

/// <summary>What a statement reads and writes, as SQLite itself reports it while it compiles the statement.</summary>
internal sealed class TableUse
{
    private readonly HashSet<TableAccess> _reads = [];
    private readonly HashSet<TableAccess> _writes = [];

    /// <summary>Columns read; a table of which only the number of rows matters comes with the empty name.</summary>
    public IReadOnlyCollection<TableAccess> Reads => _reads;

    /// <summary>Columns changed by updates; inserts and deletes come without a column.</summary>
    public IReadOnlyCollection<TableAccess> Writes => _writes;

    /// <summary>Whether the statement changes the schema, so that everything compiled before may be out of date.</summary>
    public bool ChangesSchema { get; private set; }

    /// <summary>Whether it begins, commits or rolls back a transaction.</summary>
    public bool ControlsTransaction { get; private set; }

    /// <summary>The table or view that the statement itself inserts into.</summary>
    public string? InsertsInto { get; private set; }

    /// <summary>Whether another statement reads and writes the same.</summary>
    public bool IsSameAs(TableUse other) => _reads.SetEquals(other._reads) && _writes.SetEquals(other._writes) && ChangesSchema == other.ChangesSchema;

    public void AddRead(string table, string? column, string? via) => _reads.Add(new TableAccess(table, column, via));

    public void AddWrite(string table, string? column, string? via) => _writes.Add(new TableAccess(table, column, via));

    public void MarkSchemaChange() => ChangesSchema = true;

    public void MarkInsert(string table) => InsertsInto = table;

    public void MarkTransactionControl() => ControlsTransaction = true;
}

/// <summary>One column of one table or view.</summary>
/// <param name="Table">The table or view.</param>
/// <param name="Column">The column; null for whole rows.</param>
/// <param name="Via">Innermost view or trigger through which the statement gets there; null for what it names itself.</param>
internal readonly record struct TableAccess(string Table, string? Column, string? Via);
