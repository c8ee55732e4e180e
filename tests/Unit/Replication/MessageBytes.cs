using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace TopGun.Buckets.Tests.Unit.Replication;

/// <summary>Writes pgoutput messages byte by byte.</summary>
internal sealed class MessageBytes
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    public static byte[] Begin() => new MessageBytes().Byte('B').Int64(1).Int64(2).Int32(3).Done();

    public static byte[] Commit(long end) => new MessageBytes().Byte('C').Byte(0).Int64(end - 1).Int64(end).Int64(77).Done();

    /// <summary>A relation with text columns; a name that ends with <c>*</c> is of a key column.</summary>
    public static byte[] Relation(int oid, string name, char identity, params string[] columns)
    {
        var bytes = new MessageBytes().Byte('R').Int32(oid).Text("public").Text(name).Byte(identity).Int16(columns.Length);
        foreach (var column in columns)
            bytes.Byte(column.EndsWith('*') ? 1 : 0).Text(column.TrimEnd('*')).Int32(25).Int32(-1);
        return bytes.Done();
    }

    public static byte[] Insert(int oid, params string?[] values) => new MessageBytes().Byte('I').Int32(oid).Byte('N').Tuple(values).Done();

    public static byte[] Update(int oid, params string?[] values) => new MessageBytes().Byte('U').Int32(oid).Byte('N').Tuple(values).Done();

    public static byte[] Update(int oid, char oldKind, string?[] old, string?[] values) =>
        new MessageBytes().Byte('U').Int32(oid).Byte(oldKind).Tuple(old).Byte('N').Tuple(values).Done();

    public static byte[] Delete(int oid, char oldKind, params string?[] old) =>
        new MessageBytes().Byte('D').Int32(oid).Byte(oldKind).Tuple(old).Done();

    public static byte[] Truncate(params int[] oids)
    {
        var bytes = new MessageBytes().Byte('T').Int32(oids.Length).Byte(0);
        foreach (var oid in oids)
            bytes.Int32(oid);
        return bytes.Done();
    }

    public static byte[] Message(string prefix, byte[] content, bool isTransactional = true) =>
        new MessageBytes().Byte('M').Byte(isTransactional ? 1 : 0).Int64(9).Text(prefix).Int32(content.Length).Raw(content).Done();

    public MessageBytes Byte(int value) => Raw([(byte)value]);

    public MessageBytes Int16(int value)
    {
        BinaryPrimitives.WriteInt16BigEndian(_bytes.GetSpan(2), (short)value);
        _bytes.Advance(2);
        return this;
    }

    public MessageBytes Int32(int value)
    {
        BinaryPrimitives.WriteInt32BigEndian(_bytes.GetSpan(4), value);
        _bytes.Advance(4);
        return this;
    }

    public MessageBytes Int64(long value)
    {
        BinaryPrimitives.WriteInt64BigEndian(_bytes.GetSpan(8), value);
        _bytes.Advance(8);
        return this;
    }

    public MessageBytes Text(string value) => Raw(Encoding.UTF8.GetBytes(value)).Byte(0);

    public MessageBytes Raw(ReadOnlySpan<byte> value)
    {
        _bytes.Write(value);
        return this;
    }

    public byte[] Done() => _bytes.WrittenSpan.ToArray();

    /// <summary>Null is SQL null, <c>«unchanged»</c> is not sent.</summary>
    private MessageBytes Tuple(string?[] values)
    {
        Int16(values.Length);
        foreach (var value in values)
        {
            if (value is null)
                Byte('n');
            else if (value == "«unchanged»")
                Byte('u');
            else
                Byte('t').Int32(Encoding.UTF8.GetByteCount(value)).Raw(Encoding.UTF8.GetBytes(value));
        }
        return this;
    }
}
