using System.Collections;
using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using TopGun.Buckets.Client.Queries;

namespace TopGun.Buckets.Client.Ado;

/// <summary>Goes through the rows of a command, which have been read already.</summary>
internal sealed class ResultReader(CommandResult result, DbConnection? closesWith) : DbDataReader
{
    private const DynamicallyAccessedMemberTypes Members = DynamicallyAccessedMemberTypes.PublicFields | DynamicallyAccessedMemberTypes.PublicProperties;

    private int _table;
    private int _row = -1;
    private bool _closed;

    public override int Depth => 0;

    public override int FieldCount => Table?.Names.Length ?? 0;

    public override bool HasRows => Table is { Rows.Count: > 0 };

    public override bool IsClosed => _closed;

    public override int RecordsAffected => result.RecordsAffected;

    public override object this[int ordinal] => GetValue(ordinal);

    public override object this[string name] => GetValue(GetOrdinal(name));

    private ResultTable? Table => !_closed && _table < result.Tables.Count ? result.Tables[_table] : null;

    public override bool Read() => Table is { } table && (_row < table.Rows.Count && ++_row < table.Rows.Count);

    public override bool NextResult()
    {
        _row = -1;
        return ++_table < result.Tables.Count;
    }

    public override void Close()
    {
        if (_closed)
            return;
        _closed = true;
        closesWith?.Close();
    }

    public override async Task CloseAsync()
    {
        if (_closed)
            return;
        _closed = true;
        if (closesWith is not null)
            await closesWith.CloseAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await CloseAsync();
        await base.DisposeAsync();
    }

    public override string GetName(int ordinal) => Columns[ordinal];

    public override int GetOrdinal(string name)
    {
        var names = Columns;
        var index = Array.FindIndex(names, other => other == name);
        if (index < 0)
            index = Array.FindIndex(names, other => other.Equals(name, StringComparison.OrdinalIgnoreCase));
        return index >= 0 ? index : throw new ArgumentOutOfRangeException(nameof(name), name, $"The result has the columns {string.Join(", ", names)}.");
    }

    [return: DynamicallyAccessedMembers(Members)]
    public override Type GetFieldType(int ordinal) => Existing.KindOf(ordinal) switch
    {
        ColumnKind.Integer => typeof(long),
        ColumnKind.Real => typeof(double),
        ColumnKind.Text => typeof(string),
        ColumnKind.Blob => typeof(byte[]),
        _ => typeof(object),
    };

    public override string GetDataTypeName(int ordinal) => Existing.KindOf(ordinal) switch
    {
        ColumnKind.Integer => "INTEGER",
        ColumnKind.Real => "REAL",
        ColumnKind.Text => "TEXT",
        ColumnKind.Blob => "BLOB",
        _ => "",
    };

    public override bool IsDBNull(int ordinal) => Value(ordinal) is null;

    public override object GetValue(int ordinal) => Value(ordinal) ?? DBNull.Value;

    public override int GetValues(object[] values)
    {
        var count = Math.Min(values.Length, FieldCount);
        for (var column = 0; column < count; column++)
            values[column] = GetValue(column);
        return count;
    }

    public override T GetFieldValue<T>(int ordinal)
    {
        var value = Value(ordinal);
        if (value is T same)
            return same;
        if (value is null)
            return typeof(T) == typeof(DBNull) || typeof(T) == typeof(object) ? (T)(object)DBNull.Value
                : default(T) is null ? default!
                : throw new InvalidCastException($"Column '{GetName(ordinal)}' is NULL.");
        return (T)Convert(value, Nullable.GetUnderlyingType(typeof(T)) ?? typeof(T));
    }

    public override bool GetBoolean(int ordinal) => GetFieldValue<bool>(ordinal);

    public override byte GetByte(int ordinal) => GetFieldValue<byte>(ordinal);

    public override char GetChar(int ordinal) => GetFieldValue<char>(ordinal);

    public override DateTime GetDateTime(int ordinal) => GetFieldValue<DateTime>(ordinal);

    public override decimal GetDecimal(int ordinal) => GetFieldValue<decimal>(ordinal);

    public override double GetDouble(int ordinal) => GetFieldValue<double>(ordinal);

    public override float GetFloat(int ordinal) => GetFieldValue<float>(ordinal);

    public override Guid GetGuid(int ordinal) => GetFieldValue<Guid>(ordinal);

    public override short GetInt16(int ordinal) => GetFieldValue<short>(ordinal);

    public override int GetInt32(int ordinal) => GetFieldValue<int>(ordinal);

    public override long GetInt64(int ordinal) => GetFieldValue<long>(ordinal);

    public override string GetString(int ordinal) =>
        Value(ordinal) is null ? throw new InvalidCastException($"Column '{GetName(ordinal)}' is NULL.") : GetFieldValue<string>(ordinal);

    public override long GetBytes(int ordinal, long dataOffset, byte[]? buffer, int bufferOffset, int length) =>
        Copy(GetFieldValue<byte[]>(ordinal), dataOffset, buffer, bufferOffset, length);

    public override long GetChars(int ordinal, long dataOffset, char[]? buffer, int bufferOffset, int length) =>
        Copy(GetString(ordinal).ToCharArray(), dataOffset, buffer, bufferOffset, length);

    public override IEnumerator GetEnumerator() => new DbEnumerator(this, closeReader: false);

    public override DataTable? GetSchemaTable()
    {
        if (Table is null)
            return null;
        var schema = new DataTable("SchemaTable") { Locale = CultureInfo.InvariantCulture };
        schema.Columns.Add(SchemaTableColumn.ColumnName, typeof(string));
        schema.Columns.Add(SchemaTableColumn.ColumnOrdinal, typeof(int));
        schema.Columns.Add(SchemaTableColumn.ColumnSize, typeof(int));
        schema.Columns.Add(SchemaTableColumn.DataType, typeof(object));
        schema.Columns.Add(SchemaTableColumn.AllowDBNull, typeof(bool));
        for (var column = 0; column < FieldCount; column++)
            schema.Rows.Add(GetName(column), column, -1, GetFieldType(column), true);
        return schema;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            Close();
        base.Dispose(disposing);
    }

    private ResultTable Existing => Table ?? throw new InvalidOperationException("The reader is closed, or the command has no further result.");

    private string[] Columns => Existing.Names;

    private object? Value(int ordinal)
    {
        var rows = Existing.Rows;
        return _row >= 0 && _row < rows.Count
            ? rows[_row][ordinal]
            : throw new InvalidOperationException("The reader is at no row; call Read first.");
    }

    /// <summary>Undoes what <see cref="SqlParameters"/> does.</summary>
    private static object Convert(object value, Type type)
    {
        if (type.IsEnum)
            return value is string name ? Enum.Parse(type, name, ignoreCase: true) : Enum.ToObject(type, value);
        if (value is not string text)
            return type == typeof(char) ? (char)(long)value : System.Convert.ChangeType(value, type, CultureInfo.InvariantCulture);
        return SqlParameters.Parse(text, type) ?? System.Convert.ChangeType(text, type, CultureInfo.InvariantCulture);
    }

    private static long Copy<T>(T[] from, long offset, T[]? buffer, int bufferOffset, int length)
    {
        if (buffer is null)
            return from.Length;
        var count = (int)Math.Max(0, Math.Min(from.Length - offset, length));
        Array.Copy(from, offset, buffer, bufferOffset, count);
        return count;
    }
}
