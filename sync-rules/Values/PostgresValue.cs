using System.Buffers.Text;

namespace TopGun.Buckets.SyncRules.Values;

/// <summary>How a column's Postgres text becomes a value.</summary>
internal enum PostgresForm : byte
{
    Text,
    Boolean,
    Integer,
    Real,
    Bytes,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    Lsn,
    Json,
    Array,
}

/// <summary>Converts the text form of Postgres' built-in types.</summary>
// Oids: https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_type.dat
internal static class PostgresValue
{
    public static PostgresForm FormOf(uint typeId) => typeId switch
    {
        16 => PostgresForm.Boolean,
        20 or 21 or 23 or 26 => PostgresForm.Integer,
        700 or 701 => PostgresForm.Real,
        17 => PostgresForm.Bytes,
        1082 => PostgresForm.Date,
        1083 => PostgresForm.Time,
        1114 => PostgresForm.Timestamp,
        1184 => PostgresForm.TimestampTz,
        3220 => PostgresForm.Lsn,
        114 or 3802 => PostgresForm.Json,
        _ => ElementOf(typeId) == 0 ? PostgresForm.Text : PostgresForm.Array,
    };

    /// <summary>Whether every text that Postgres sends can be read, so that reading it can wait until somebody asks.</summary>
    public static bool CannotFail(PostgresForm form) =>
        form is not (PostgresForm.Integer or PostgresForm.Real or PostgresForm.Bytes or PostgresForm.Array);

    /// <summary>Element type of a built-in array type, or 0.</summary>
    public static uint ElementOf(uint typeId) => typeId switch
    {
        1000 => 16,
        1001 => 17,
        1002 => 18,
        1003 => 19,
        1005 => 21,
        1007 => 23,
        1009 => 25,
        1010 => 27,
        1011 => 28,
        1014 => 1042,
        1015 => 1043,
        1016 => 20,
        1017 => 600,
        1018 => 601,
        1019 => 602,
        1020 => 603,
        1021 => 700,
        1022 => 701,
        1027 => 604,
        1028 => 26,
        1040 => 829,
        775 => 774,
        1041 => 869,
        651 => 650,
        629 => 628,
        719 => 718,
        791 => 790,
        143 => 142,
        199 => 114,
        3807 => 3802,
        1115 => 1114,
        1182 => 1082,
        1183 => 1083,
        1185 => 1184,
        1187 => 1186,
        1231 => 1700,
        1270 => 1266,
        1561 => 1560,
        1563 => 1562,
        2951 => 2950,
        3221 => 3220,
        3643 => 3614,
        3645 => 3615,
        4073 => 4072,
        271 => 5069,
        1006 => 22,
        1008 => 24,
        1012 => 29,
        1013 => 30,
        1034 => 1033,
        2201 => 1790,
        2207 => 2202,
        2208 => 2203,
        2209 => 2204,
        2210 => 2205,
        2211 => 2206,
        2949 => 2970,
        3735 => 3734,
        3770 => 3769,
        4090 => 4089,
        4097 => 4096,
        4192 => 4191,
        5039 => 5038,
        _ => 0,
    };

    /// <summary>Value of a column that is not null.</summary>
    /// <exception cref="EvaluationException">The text is not of the column's type.</exception>
    public static SqlValue Convert(PostgresForm form, uint typeId, ReadOnlyMemory<byte> text, in PostgresTime time, Scratch scratch)
    {
        switch (form)
        {
            case PostgresForm.Boolean:
                return SqlValue.FromBoolean(text.Span is [(byte)'t', ..]);
            case PostgresForm.Integer:
                return Integer(text.Span);
            case PostgresForm.Real:
                return Real(text.Span);
            case PostgresForm.Bytes:
                return SqlValue.FromBlob(Bytes(text.Span, scratch));
            case PostgresForm.Date:
                return PostgresTime.Date(text);
            case PostgresForm.Time:
                return time.Time(text, scratch);
            case PostgresForm.Timestamp:
                return time.Timestamp(text, hasZone: false, scratch);
            case PostgresForm.TimestampTz:
                return time.Timestamp(text, hasZone: true, scratch);
            case PostgresForm.Lsn:
                return SqlValue.FromText(Lsn(text, scratch));
            case PostgresForm.Array:
                return SqlValue.FromText(PostgresArray.ToJson(text.Span, ElementOf(typeId), time, scratch));
            default:
                return SqlValue.FromText(text);
        }
    }

    public static SqlValue Integer(ReadOnlySpan<byte> text) =>
        SqlNumber.TryInteger(text, out var integer) ? SqlValue.FromInteger(integer) : throw Wrong("integer");

    private static SqlValue Real(ReadOnlySpan<byte> text)
    {
        if (Utf8Parser.TryParse(text, out double value, out var used) && used == text.Length)
            return SqlValue.FromReal(value);
        if (text.SequenceEqual("NaN"u8))
            return SqlValue.FromReal(double.NaN);
        if (text.SequenceEqual("Infinity"u8))
            return SqlValue.FromReal(double.PositiveInfinity);
        if (text.SequenceEqual("-Infinity"u8))
            return SqlValue.FromReal(double.NegativeInfinity);
        throw Wrong("real");
    }

    private static Memory<byte> Bytes(ReadOnlySpan<byte> text, Scratch scratch)
    {
        if (!text.StartsWith("\\x"u8) || text.Length % 2 != 0)
            throw Wrong("bytea in hex form");
        var room = scratch.Take(text.Length / 2 - 1);
        if (System.Convert.FromHexString(text[2..], room.Span, out _, out _) != System.Buffers.OperationStatus.Done)
            throw Wrong("bytea in hex form");
        return room;
    }

    // Both halves are padded so that text order is log order: 16/B374D848 → 00000016/B374D848.
    private static ReadOnlyMemory<byte> Lsn(ReadOnlyMemory<byte> text, Scratch scratch)
    {
        var slash = text.Span.IndexOf((byte)'/');
        var low = text.Length - slash - 1;
        if (slash is < 1 or > 8 || low is < 1 or > 8)
            return text;
        var room = scratch.Take(17);
        room.Span.Fill((byte)'0');
        text.Span[..slash].CopyTo(room.Span[(8 - slash)..]);
        room.Span[8] = (byte)'/';
        text.Span[(slash + 1)..].CopyTo(room.Span[(17 - low)..]);
        return room;
    }

    private static EvaluationException Wrong(string type) => new($"A column's value is not a valid {type}.");
}
