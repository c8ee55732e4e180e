using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Ado;

/// <summary>All that a command has to say, read to its end: while the app goes through the rows, nobody waits for it.</summary>
internal sealed class CommandResult
{
    private readonly List<ResultTable> _tables = [];

    /// <summary>One for each statement that has columns.</summary>
    public IReadOnlyList<ResultTable> Tables => _tables;

    /// <summary>Rows written, or -1 when no statement writes.</summary>
    public int RecordsAffected { get; set; } = -1;

    /// <summary>Prepares for the rows of a statement.</summary>
    public ResultTable Add(Statement statement)
    {
        var table = new ResultTable(statement);
        if (statement.ColumnCount > 0)
            _tables.Add(table);
        return table;
    }
}

/// <summary>The rows of one statement, with the values as SQLite has them.</summary>
internal sealed class ResultTable
{
    private readonly List<object?[]> _rows = [];
    private readonly ColumnKind?[] _kinds;

    public ResultTable(Statement statement)
    {
        Names = new string[statement.ColumnCount];
        for (var column = 0; column < Names.Length; column++)
            Names[column] = statement.ColumnName(column);
        _kinds = new ColumnKind?[Names.Length];
    }

    public string[] Names { get; }

    public IReadOnlyList<object?[]> Rows => _rows;

    public void Add(Statement statement)
    {
        var reader = new RowReader(statement);
        var row = new object?[Names.Length];
        for (var column = 0; column < row.Length; column++)
            row[column] = reader.GetValue(column);
        _rows.Add(row);
    }

    /// <summary>What the values of a column have in common, NULLs left out.</summary>
    public ColumnKind KindOf(int column)
    {
        if (_kinds[column] is { } known)
            return known;
        ColumnKind? common = null;
        foreach (var row in _rows)
        {
            if (KindOf(row[column]) is not { } kind || kind == common)
                continue;
            if (common is not null)
            {
                common = ColumnKind.Mixed;
                break;
            }
            common = kind;
        }
        _kinds[column] = common ?? ColumnKind.Mixed;
        return _kinds[column]!.Value;
    }

    private static ColumnKind? KindOf(object? value) => value switch
    {
        null => null,
        long => ColumnKind.Integer,
        double => ColumnKind.Real,
        string => ColumnKind.Text,
        _ => ColumnKind.Blob,
    };
}

/// <summary>What a column of a result holds.</summary>
internal enum ColumnKind
{
    /// <summary>Nothing, or values of several kinds.</summary>
    Mixed,
    Integer,
    Real,
    Text,
    Blob,
}
