using SQLitePCL;

namespace TopGun.Buckets.Client.LocalStore;

/// <summary>A prepared statement, bound and read in UTF-8 without going through strings or parameter objects.</summary>
/// <remarks>Used by one thread at a time, the one that holds its database.</remarks>
internal sealed class Statement : IDisposable
{
    private readonly Database _database;
    private readonly sqlite3_stmt _handle;

    public Statement(Database database, string sql, sqlite3_stmt handle, TableUse use)
    {
        _database = database;
        _handle = handle;
        Sql = sql;
        Use = use;
    }

    public string Sql { get; }

    /// <summary>What follows the statement in the text it was compiled from; null when nothing does.</summary>
    public string? Tail { get; init; }

    /// <summary>Whether the text held nothing but blanks and comments.</summary>
    public bool IsEmpty => _handle.IsInvalid;

    /// <summary>Tables it reads and writes, triggers and views included.</summary>
    public TableUse Use { get; }

    public bool IsBusy => raw.sqlite3_stmt_busy(_handle) != 0;

    public bool IsReadOnly => raw.sqlite3_stmt_readonly(_handle) != 0;

    public int ColumnCount => raw.sqlite3_column_count(_handle);

    public int ParameterCount => raw.sqlite3_bind_parameter_count(_handle);

    public Statement Bind(int index, long value)
    {
        Check(raw.sqlite3_bind_int64(_handle, index, value));
        return this;
    }

    public Statement Bind(int index, double value)
    {
        Check(raw.sqlite3_bind_double(_handle, index, value));
        return this;
    }

    /// <summary>Binds UTF-8 text. An empty span is the empty text, not NULL.</summary>
    public Statement Bind(int index, ReadOnlySpan<byte> utf8)
    {
        // The binding layer hands SQLite a null pointer for an empty span, which SQLite takes for NULL.
        Check(utf8.IsEmpty ? raw.sqlite3_bind_text(_handle, index, "") : raw.sqlite3_bind_text(_handle, index, utf8));
        return this;
    }

    public Statement Bind(int index, string? value)
    {
        Check(value is null ? raw.sqlite3_bind_null(_handle, index) : raw.sqlite3_bind_text(_handle, index, value));
        return this;
    }

    public Statement BindBlob(int index, ReadOnlySpan<byte> value)
    {
        Check(value.IsEmpty ? raw.sqlite3_bind_zeroblob(_handle, index, 0) : raw.sqlite3_bind_blob(_handle, index, value));
        return this;
    }

    public Statement BindNull(int index)
    {
        Check(raw.sqlite3_bind_null(_handle, index));
        return this;
    }

    /// <summary>Runs to the next row.</summary>
    /// <returns>Whether there is one. After the last row the statement is reset and can be bound again.</returns>
    public bool Step()
    {
        var result = raw.sqlite3_step(_handle);
        if (result == raw.SQLITE_ROW)
            return true;
        if (result == raw.SQLITE_DONE)
        {
            _ = raw.sqlite3_reset(_handle);
            return false;
        }
        var failure = _database.Failure(result, Sql);
        _ = raw.sqlite3_reset(_handle);
        throw failure;
    }

    /// <summary>Runs to the end.</summary>
    public void Run()
    {
        while (Step())
        {
            // Rows of a statement that is run for its effect are of no interest.
        }
    }

    /// <summary>Runs a statement that has no rows, unless another connection is in its way.</summary>
    /// <returns>False when one is.</returns>
    public bool TryRun()
    {
        var result = raw.sqlite3_step(_handle);
        var failure = result == raw.SQLITE_DONE || (result & 0xFF) == raw.SQLITE_BUSY ? null : _database.Failure(result, Sql);
        Reset();
        return failure is null ? result == raw.SQLITE_DONE : throw failure;
    }

    /// <summary>Runs and returns the first column of the first row, or null when there is no row or it is NULL.</summary>
    public long? RunInt64()
    {
        if (!Step())
            return null;
        long? value = IsNull(0) ? null : Int64(0);
        Reset();
        return value;
    }

    /// <summary>Runs and returns the first column of the first row as text, or null.</summary>
    public string? RunText()
    {
        if (!Step())
            return null;
        var value = Text(0);
        Reset();
        return value;
    }

    public void Reset() => _ = raw.sqlite3_reset(_handle); // repeats the error of the last step, which was thrown there

    public void ClearBindings() => _ = raw.sqlite3_clear_bindings(_handle);

    public int ColumnType(int column) => raw.sqlite3_column_type(_handle, column);

    public bool IsNull(int column) => raw.sqlite3_column_type(_handle, column) == raw.SQLITE_NULL;

    public long Int64(int column) => raw.sqlite3_column_int64(_handle, column);

    public double Double(int column) => raw.sqlite3_column_double(_handle, column);

    public string? Text(int column) => IsNull(column) ? null : raw.sqlite3_column_text(_handle, column).utf8_to_string();

    /// <summary>The column's bytes: UTF-8 for text. Valid until the next step.</summary>
    public ReadOnlySpan<byte> Bytes(int column) => raw.sqlite3_column_blob(_handle, column);

    public string ColumnName(int column) => raw.sqlite3_column_name(_handle, column).utf8_to_string();

    /// <summary>Place of the first column of a name, or -1.</summary>
    public int ColumnIndex(string name)
    {
        for (var column = 0; column < ColumnCount; column++)
        {
            if (ColumnName(column).Equals(name, StringComparison.OrdinalIgnoreCase))
                return column;
        }
        return -1;
    }

    /// <summary>Name of a parameter with the sign that begins it; null for a plain question mark.</summary>
    public string? ParameterName(int index) => raw.sqlite3_bind_parameter_name(_handle, index).utf8_to_string();

    /// <summary>Index of a named parameter, or 0.</summary>
    public int ParameterIndex(string name) => raw.sqlite3_bind_parameter_index(_handle, name);

    public void Dispose() => _handle.Dispose();

    private void Check(int result)
    {
        if (result != raw.SQLITE_OK)
            throw _database.Failure(result, Sql);
    }
}
