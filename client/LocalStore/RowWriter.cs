using System.Buffers;
using System.Text;
using System.Text.Json;
using SQLitePCL;

namespace TopGun.Buckets.Client.LocalStore;

/// <summary>Puts rows, as the service sends them, into the table that holds them.</summary>
internal abstract class RowWriter
{
    /// <param name="id">The row's id.</param>
    /// <param name="json">The row.</param>
    public abstract void Put(ReadOnlySpan<byte> id, ReadOnlySpan<byte> json);
}

/// <summary>Rows are stored as they come.</summary>
/// <param name="statement">Takes id and row.</param>
internal sealed class JsonRowWriter(Statement statement) : RowWriter
{
    public override void Put(ReadOnlySpan<byte> id, ReadOnlySpan<byte> json) => statement.Bind(1, id).Bind(2, json).Run();
}

/// <summary>Takes rows apart into the columns of a native table.</summary>
/// <param name="table">The table.</param>
/// <param name="statement">Takes id, columns and rest: <see cref="NativeSql.Put"/>.</param>
internal sealed class NativeRowWriter(LocalTable table, Statement statement) : RowWriter
{
    /// <summary>Digits that SQLite writes of a number.</summary>
    private const int ExactDigits = 15;

    private readonly byte[][] _names = [.. table.Columns.Select(column => Encoding.UTF8.GetBytes(column.Name))];
    private readonly bool[] _bound = new bool[table.Columns.Count];
    private readonly ArrayBufferWriter<byte> _rest = new();
    private byte[] _unescaped = new byte[256];

    public override void Put(ReadOnlySpan<byte> id, ReadOnlySpan<byte> json)
    {
        _rest.ResetWrittenCount();
        Array.Clear(_bound);
        statement.ClearBindings();
        statement.Bind(1, id);
        try
        {
            if (!json.IsEmpty)
                BindColumns(json);
        }
        catch (JsonException)
        {
            // What no view could read has nothing to show here either; the row is there.
            statement.ClearBindings();
            statement.Bind(1, id);
            _rest.ResetWrittenCount();
        }
        if (_rest.WrittenCount > 0)
        {
            _rest.Write("}"u8);
            statement.Bind(_names.Length + 2, _rest.WrittenSpan);
        }
        try
        {
            statement.Run();
        }
        catch (LocalStoreException refused) when ((refused.SqliteErrorCode & 0xFF) == raw.SQLITE_CONSTRAINT)
        {
            throw new LocalStoreException(
                refused.SqliteErrorCode,
                $"The row '{Encoding.UTF8.GetString(id)}' does not fit into the table '{table.SqlName}': {refused.Message}",
                "Remove the app's own constraint, index or trigger that refuses it.");
        }
    }

    private void BindColumns(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            return; // not a row: nothing to show
        var expected = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var start = (int)reader.TokenStartIndex;
            var column = Find(ref reader, expected);
            var isId = column < 0 && reader.ValueTextEquals("id"u8);
            reader.Read();
            var valueStart = (int)reader.TokenStartIndex;
            reader.Skip();
            if (column >= 0)
                expected = column + 1;
            if (isId || (column >= 0 && _bound[column]))
                continue; // of two fields of a name the first one counts
            var value = json[valueStart..(int)reader.BytesConsumed];
            if (column < 0 || !Bind(column, ref reader, value))
            {
                _rest.Write(_rest.WrittenCount == 0 ? "{"u8 : ","u8);
                _rest.Write(json[start..(int)reader.BytesConsumed]);
            }
        }
    }

    /// <summary>Fields come in the same order again and again, mostly in that of the columns.</summary>
    private int Find(ref Utf8JsonReader name, int expected)
    {
        for (var tried = 0; tried < _names.Length; tried++)
        {
            var index = (expected + tried) % _names.Length;
            if (name.ValueTextEquals(_names[index]))
                return index;
        }
        return -1;
    }

    /// <returns>Whether the column alone gives the value back as it came.</returns>
    private bool Bind(int column, ref Utf8JsonReader reader, ReadOnlySpan<byte> value)
    {
        _bound[column] = true;
        var (index, kind) = (column + 2, table.Columns[column].Kind);
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return true; // which reads the same as no value
            case JsonTokenType.True or JsonTokenType.False:
                statement.Bind(index, reader.TokenType == JsonTokenType.True ? 1L : 0L);
                return kind == ColumnKind.Integer;
            case JsonTokenType.Number when reader.TryGetInt64(out var integer):
                statement.Bind(index, integer);
                return kind == ColumnKind.Integer || (kind == ColumnKind.Real && IsExact(value));
            case JsonTokenType.Number:
                statement.Bind(index, reader.GetDouble());
                return kind == ColumnKind.Real && IsExact(value);
            case JsonTokenType.String:
                statement.Bind(index, Text(ref reader, out var isText));
                return kind == ColumnKind.Text && isText;
            default:
                statement.Bind(index, value); // an object or an array, as its text
                return kind == ColumnKind.Text;
        }
    }

    private ReadOnlySpan<byte> Text(ref Utf8JsonReader reader, out bool isText)
    {
        isText = true;
        if (!reader.ValueIsEscaped)
            return reader.ValueSpan;
        if (_unescaped.Length < reader.ValueSpan.Length)
            _unescaped = new byte[reader.ValueSpan.Length];
        try
        {
            return _unescaped.AsSpan(0, reader.CopyString(_unescaped));
        }
        catch (InvalidOperationException)
        {
            isText = false; // half of a character; its escape is shown
            return reader.ValueSpan;
        }
    }

    private static bool IsExact(ReadOnlySpan<byte> number)
    {
        var digits = 0;
        foreach (var character in number)
        {
            if (character is (byte)'e' or (byte)'E')
                return false; // may be beyond what a column holds
            if (char.IsAsciiDigit((char)character) && (digits > 0 || character != '0'))
                digits++;
        }
        return digits <= ExactDigits;
    }
}
