namespace TopGun.Buckets.Client.LocalStore;

/// <summary>Tables that a statement reads and writes, as SQLite itself reports them while it compiles the statement.</summary>
internal sealed class TableUse
{
    private readonly SortedSet<string> _reads = new(StringComparer.OrdinalIgnoreCase);
    private readonly SortedSet<string> _writes = new(StringComparer.OrdinalIgnoreCase);

    public IReadOnlySet<string> Reads => _reads;

    public IReadOnlySet<string> Writes => _writes;

    /// <summary>Whether the statement changes the schema, so that everything compiled before may be out of date.</summary>
    public bool ChangesSchema { get; private set; }

    public void AddRead(string table) => _reads.Add(table);

    public void AddWrite(string table) => _writes.Add(table);

    public void MarkSchemaChange() => ChangesSchema = true;
}
