using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Simulation.Source;

/// <summary>Writes what the pgoutput plugin sends under protocol version 1 with text tuples.</summary>
/// <remarks>
/// https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html
/// </remarks>
internal static class PgOutputWriter
{
    // Begin: 'B', Int64 final LSN (start of the commit record), Int64 commit time, Int32 xid
    public static byte[] Begin(SimCommit commit) => Build(output =>
    {
        Byte(output, 'B');
        Int64(output, (long)commit.Start.Value);
        Int64(output, commit.Time);
        Int32(output, (int)commit.Id);
    });

    // Commit: 'C', Int8 flags, Int64 LSN of the commit, Int64 end LSN, Int64 commit time
    public static byte[] Commit(SimCommit commit) => Build(output =>
    {
        Byte(output, 'C');
        Byte(output, '\0');
        Int64(output, (long)commit.Start.Value);
        Int64(output, (long)commit.End.Value);
        Int64(output, commit.Time);
    });

    // Relation: 'R', Int32 oid, String namespace, String name, Int8 replica identity, Int16 columns;
    // each: Int8 flags (1 = key), String name, Int32 type, Int32 type modifier
    public static byte[] Relation(SourceTable table) => Build(output =>
    {
        Byte(output, 'R');
        Int32(output, (int)table.RelationId);
        String(output, table.Schema);
        String(output, table.Name);
        Byte(output, table.Identity switch
        {
            ReplicaIdentity.Default => 'd',
            ReplicaIdentity.Nothing => 'n',
            ReplicaIdentity.Full => 'f',
            _ => 'i',
        });
        Int16(output, table.Columns.Count);
        foreach (var column in table.Columns)
        {
            // Under identity full every column is marked as part of the key.
            Byte(output, column.IsKey || table.Identity == ReplicaIdentity.Full ? '\x1' : '\0');
            String(output, column.Name);
            Int32(output, (int)column.TypeId);
            Int32(output, column.TypeModifier);
        }
    });

    // Insert: 'I', Int32 oid, 'N', TupleData
    public static byte[] Insert(SimTable table, SimRow row) => Build(output =>
    {
        Byte(output, 'I');
        Int32(output, (int)table.Table.RelationId);
        Byte(output, 'N');
        Tuple(output, table, row, unchangedFrom: null, keyOnly: false);
    });

    // Update: 'U', Int32 oid, ['K' or 'O', TupleData], 'N', TupleData
    public static byte[] Update(SimTable table, SimRow oldRow, SimRow newRow) => Build(output =>
    {
        Byte(output, 'U');
        Int32(output, (int)table.Table.RelationId);
        if (table.Table.Identity == ReplicaIdentity.Full)
        {
            Byte(output, 'O');
            Tuple(output, table, oldRow, unchangedFrom: null, keyOnly: false);
        }
        else if (table.KeyOf(oldRow) != table.KeyOf(newRow))
        {
            Byte(output, 'K');
            Tuple(output, table, oldRow, unchangedFrom: null, keyOnly: true);
        }
        Byte(output, 'N');
        Tuple(output, table, newRow, unchangedFrom: oldRow, keyOnly: false);
    });

    // Delete: 'D', Int32 oid, 'K' or 'O', TupleData
    public static byte[] Delete(SimTable table, SimRow oldRow) => Build(output =>
    {
        var isFull = table.Table.Identity == ReplicaIdentity.Full;
        Byte(output, 'D');
        Int32(output, (int)table.Table.RelationId);
        Byte(output, isFull ? 'O' : 'K');
        Tuple(output, table, oldRow, unchangedFrom: null, keyOnly: !isFull);
    });

    // Truncate: 'T', Int32 relations, Int8 options, Int32 oid each
    public static byte[] Truncate(IReadOnlyList<SimTable> tables) => Build(output =>
    {
        Byte(output, 'T');
        Int32(output, tables.Count);
        Byte(output, '\0');
        foreach (var table in tables)
            Int32(output, (int)table.Table.RelationId);
    });

    // Message: 'M', Int8 flags (1 = transactional), Int64 LSN, String prefix, Int32 length, content
    public static byte[] Message(SimChange message, bool isTransactional) => Build(output =>
    {
        Byte(output, 'M');
        Byte(output, isTransactional ? '\x1' : '\0');
        Int64(output, (long)message.Position.Value);
        String(output, message.Prefix);
        Int32(output, message.Content.Length);
        output.Write(message.Content);
    });

    // TupleData: Int16 columns; each 'n' null, 'u' unchanged out-of-line value, or 't' Int32 length and text
    private static void Tuple(ArrayBufferWriter<byte> output, SimTable table, SimRow row, SimRow? unchangedFrom, bool keyOnly)
    {
        Int16(output, row.Values.Length);
        for (var column = 0; column < row.Values.Length; column++)
        {
            var value = row[column];
            if (value is null || (keyOnly && !table.Table.Columns[column].IsKey))
            {
                Byte(output, 'n');
            }
            else if (value.Length >= SimTable.ToastLength && ReferenceEquals(unchangedFrom?[column], value))
            {
                Byte(output, 'u');
            }
            else
            {
                Byte(output, 't');
                var text = Encoding.UTF8.GetBytes(value);
                Int32(output, text.Length);
                output.Write(text);
            }
        }
    }

    private static byte[] Build(Action<ArrayBufferWriter<byte>> write)
    {
        var output = new ArrayBufferWriter<byte>(64);
        write(output);
        return output.WrittenSpan.ToArray();
    }

    private static void Byte(ArrayBufferWriter<byte> output, char value) => output.Write([(byte)value]);

    private static void Int16(ArrayBufferWriter<byte> output, int value)
    {
        BinaryPrimitives.WriteInt16BigEndian(output.GetSpan(2), (short)value);
        output.Advance(2);
    }

    private static void Int32(ArrayBufferWriter<byte> output, int value)
    {
        BinaryPrimitives.WriteInt32BigEndian(output.GetSpan(4), value);
        output.Advance(4);
    }

    private static void Int64(ArrayBufferWriter<byte> output, long value)
    {
        BinaryPrimitives.WriteInt64BigEndian(output.GetSpan(8), value);
        output.Advance(8);
    }

    private static void String(ArrayBufferWriter<byte> output, string value)
    {
        output.Write(Encoding.UTF8.GetBytes(value));
        Byte(output, '\0');
    }
}
