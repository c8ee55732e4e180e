using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;

namespace TopGun.Buckets.SyncRules.Schema;

/// <summary>Unites what the queries give to each client table.</summary>
internal sealed class ClientSchemaBuilder
{
    private const int MaxColumns = 1999; // SQLite's own limit of 2000 columns in a view, less the id

    private readonly List<string> _tables = [];
    private readonly Dictionary<string, List<ClientColumn>> _columns = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _notes = [];

    public void Note(string note)
    {
        if (!_notes.Contains(note))
            _notes.Add(note);
    }

    /// <summary>Adds what one query gives for rows of one source table.</summary>
    public void Add(string table, Projection projection, ExpressionTypes types)
    {
        if (!IsPossible(table))
        {
            Note($"The table '{table}' is left out: clients cannot have a table of that name.");
            return;
        }
        if (!_columns.ContainsKey(table))
        {
            _columns[table] = [];
            _tables.Add(table);
        }
        else if (!_tables.Contains(table))
        {
            Note($"The table '{table}' is also written with other capitals; clients see one table only.");
        }
        foreach (var item in projection.Items)
        {
            if (item.Expression is null)
                AddStar(table, types, projection.StarDropsUnderscore);
            else if (types.Of(item.Expression) is { } type)
                Add(table, item.Name, type);
            else if (item.Expression is ColumnExpression column)
                Note($"The column '{item.Name}' of '{table}' is left out: {(types.Has(column.Name) ? "binary values do not reach clients" : "the source has no such column")}.");
        }
    }

    public ClientSchema Build() => new([.. _tables.Select(name => new ClientTable(name, _columns[name]))], _notes);

    private void AddStar(string table, ExpressionTypes types, bool dropsUnderscore)
    {
        foreach (var (name, type) in types.Columns)
        {
            if (dropsUnderscore && name.StartsWith('_'))
                continue;
            if (type is { } known)
                Add(table, name, known);
            else
                Note($"The column '{name}' of '{table}' is left out: binary values do not reach clients.");
        }
    }

    private void Add(string table, string name, ClientType type)
    {
        if (name.Equals("id", StringComparison.OrdinalIgnoreCase))
            return;
        var columns = _columns[table];
        var known = columns.FindIndex(column => column.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        if (known >= 0 && columns[known].Name != name)
            Note($"The column '{name}' of '{table}' is left out: SQLite cannot tell it from '{columns[known].Name}'.");
        else if (known >= 0)
            columns[known] = new ClientColumn(name, ExpressionTypes.Either(columns[known].Type, type));
        else if (!IsPossible(name))
            Note($"The column '{name}' of '{table}' is left out: clients cannot have a column of that name.");
        else if (columns.Count == MaxColumns)
            Note($"The table '{table}' has more than {MaxColumns} columns; the rest is left out.");
        else
            columns.Add(new ClientColumn(name, type));
    }

    // As the client refuses them.
    private static bool IsPossible(string name) =>
        name.Length > 0
        && !name.StartsWith("tg_", StringComparison.OrdinalIgnoreCase)
        && !name.StartsWith("sqlite_", StringComparison.OrdinalIgnoreCase)
        && !name.Any(letter => letter == '"' || char.IsControl(letter));
}
