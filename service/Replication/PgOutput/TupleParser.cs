using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication.PgOutput;

/// <summary>Reads tuples into rows whose values point into the message.</summary>
internal static class TupleParser
{
    // Tuple: Int16 n, n × ('n' null, 'u' unchanged and not sent, or 't' Int32 length and that many bytes of text)

    /// <summary>Reads the tuple at the reader's position.</summary>
    /// <param name="reader">Reads <paramref name="message"/>.</param>
    /// <param name="message">The message that the values will point into.</param>
    /// <param name="table">Definition the tuple must fit.</param>
    /// <param name="row">Filled.</param>
    public static void Read(ref MessageReader reader, ReadOnlyMemory<byte> message, SourceTable table, SourceRow row)
    {
        var count = reader.ReadUInt16();
        if (count != table.Columns.Count)
            reader.Fail($"a row has another number of columns than table '{table.Schema}.{table.Name}'");
        row.Reset(count);
        var values = row.Values;
        for (var column = 0; column < values.Length; column++)
        {
            switch (reader.ReadByte())
            {
                case (byte)'t':
                    var length = reader.ReadInt32();
                    var start = reader.Position;
                    reader.Take(length);
                    values[column] = new SourceValue(SourceValueKind.Text, message.Slice(start, length));
                    break;
                case (byte)'n':
                    values[column] = SourceValue.Null;
                    break;
                case (byte)'u':
                    values[column] = new SourceValue(SourceValueKind.Unchanged, default);
                    break;
                default:
                    reader.Fail("a value is of unknown kind");
                    break;
            }
        }
    }

    /// <summary>Keeps of an old key only the key: the stream fills the other columns with nulls that mean nothing.</summary>
    public static void KeepKey(SourceTable table, SourceRow row)
    {
        var columns = table.Columns;
        for (var column = 0; column < columns.Count; column++)
        {
            if (!columns[column].IsKey)
                row[column] = default;
        }
    }

    /// <summary>Fills values that the new row leaves out from the old row: identity full sends them there only.</summary>
    public static void FillUnchanged(SourceRow row, SourceRow old)
    {
        for (var column = 0; column < row.Count; column++)
        {
            if (row[column].Kind == SourceValueKind.Unchanged)
                row[column] = old[column];
        }
    }
}
