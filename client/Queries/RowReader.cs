using System.Globalization;
using SQLitePCL;
using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client;

/// <summary>The current row of a query, read by column position. Valid only inside the function that receives it.</summary>
public readonly ref struct RowReader
{
    private readonly Statement _statement;

    internal RowReader(Statement statement) => _statement = statement;

    /// <summary>Number of columns.</summary>
    public int ColumnCount => _statement.ColumnCount;

    /// <summary>Name of a column.</summary>
    public string GetName(int column) => _statement.ColumnName(column);

    /// <summary>Whether the column is NULL.</summary>
    public bool IsNull(int column) => _statement.IsNull(column);

    /// <summary>Text, or null.</summary>
    public string? GetText(int column) => _statement.Text(column);

    /// <summary>Integer; 0 for NULL.</summary>
    public long GetInt64(int column) => _statement.Int64(column);

    /// <summary>Real; 0 for NULL.</summary>
    public double GetDouble(int column) => _statement.Double(column);

    /// <summary>Whether the column is a number other than 0.</summary>
    public bool GetBoolean(int column) => _statement.Int64(column) != 0;

    /// <summary>A text column as a Guid; empty for NULL.</summary>
    public Guid GetGuid(int column) => GetText(column) is { } text ? Guid.Parse(text) : default;

    /// <summary>A text column as a decimal; 0 for NULL.</summary>
    public decimal GetDecimal(int column) => GetText(column) is { } text ? decimal.Parse(text, CultureInfo.InvariantCulture) : default;

    /// <summary>An ISO 8601 text as a time, UTC where it names no zone; the default for NULL.</summary>
    public DateTimeOffset GetDateTimeOffset(int column) =>
        GetText(column) is { } text ? DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal) : default;

    /// <summary>An ISO 8601 text as a time; the default for NULL.</summary>
    public DateTime GetDateTime(int column) =>
        GetText(column) is { } text ? DateTime.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind) : default;

    /// <summary>An ISO 8601 text as a date; the default for NULL.</summary>
    public DateOnly GetDateOnly(int column) => GetText(column) is { } text ? DateOnly.Parse(text, CultureInfo.InvariantCulture) : default;

    /// <summary>The column's bytes, UTF-8 for text; valid until the function returns.</summary>
    public ReadOnlySpan<byte> GetBytes(int column) => _statement.Bytes(column);

    /// <summary>The value as SQLite holds it: long, double, string, byte[] or null.</summary>
    public object? GetValue(int column) => _statement.ColumnType(column) switch
    {
        raw.SQLITE_INTEGER => _statement.Int64(column),
        raw.SQLITE_FLOAT => _statement.Double(column),
        raw.SQLITE_TEXT => _statement.Text(column),
        raw.SQLITE_BLOB => _statement.Bytes(column).ToArray(),
        _ => null,
    };
}

/// <summary>Makes a value from a row.</summary>
public delegate T RowMapper<out T>(RowReader row);
