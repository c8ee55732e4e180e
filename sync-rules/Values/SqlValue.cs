using System.Text;

namespace TopGun.Buckets.SyncRules.Values;

/// <summary>The five value types that expressions know. Booleans are integers, dates and JSON are text.</summary>
internal enum SqlKind : byte
{
    Null,
    Integer,
    Real,
    Text,
    Blob,
}

/// <summary>One value of an expression. Text and blobs point into memory that lives as long as the row or request being evaluated.</summary>
/// <remarks>Text is UTF-8, because rows arrive as UTF-8 and leave as UTF-8; the few functions that count UTF-16 units decode it.</remarks>
internal readonly struct SqlValue
{
    // Of a text: what is known about it.
    private const long JsonBit = 1;
    private const long CompactBit = 2;

    private readonly long _bits;

    private SqlValue(SqlKind kind, long bits, ReadOnlyMemory<byte> bytes)
    {
        Kind = kind;
        _bits = bits;
        Bytes = bytes;
    }

    public static SqlValue Null => default;

    public static SqlValue True => FromInteger(1);

    public static SqlValue False => FromInteger(0);

    public static SqlValue EmptyText => FromText(ReadOnlyMemory<byte>.Empty);

    public SqlKind Kind { get; }

    /// <summary>UTF-8 of a text, or the bytes of a blob.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    public long Integer => _bits;

    public double Real => BitConverter.Int64BitsToDouble(_bits);

    public bool IsNull => Kind == SqlKind.Null;

    /// <summary>Whether a text was made by a function over JSON. Has no influence on what it equals.</summary>
    public bool IsJson => Kind == SqlKind.Text && (_bits & JsonBit) != 0;

    /// <summary>Whether a text is known to be JSON as <see cref="JsonReading.Compact"/> writes it, and all within it too. Has no influence on what it equals.</summary>
    public bool IsCompact => Kind == SqlKind.Text && (_bits & CompactBit) != 0;

    public bool IsNumber => Kind is SqlKind.Integer or SqlKind.Real;

    public static SqlValue FromInteger(long value) => new(SqlKind.Integer, value, default);

    public static SqlValue FromBoolean(bool value) => new(SqlKind.Integer, value ? 1 : 0, default);

    /// <summary>A real; results that are no number become null, because nothing downstream could carry them.</summary>
    public static SqlValue FromFinite(double value) => double.IsFinite(value) ? FromReal(value) : Null;

    public static SqlValue FromReal(double value) => new(SqlKind.Real, BitConverter.DoubleToInt64Bits(value), default);

    public static SqlValue FromText(ReadOnlyMemory<byte> utf8) => new(SqlKind.Text, 0, utf8);

    /// <summary>Allocates; for constants, requests and rarely used functions.</summary>
    public static SqlValue FromText(string text) => new(SqlKind.Text, 0, Encoding.UTF8.GetBytes(text));

    /// <summary>Text that is JSON because a function over JSON made it: <c>json_array</c> and <c>json_object</c> nest it instead of quoting it.</summary>
    public static SqlValue FromJson(ReadOnlyMemory<byte> utf8) => new(SqlKind.Text, JsonBit, utf8);

    /// <summary>The same, as <see cref="JsonReading.Compact"/> wrote it.</summary>
    public static SqlValue FromCompactJson(ReadOnlyMemory<byte> utf8) => new(SqlKind.Text, JsonBit | CompactBit, utf8);

    /// <summary>A whole document, as <see cref="JsonReading.Compact"/> wrote it, that counts as text.</summary>
    public static SqlValue FromDocument(ReadOnlyMemory<byte> utf8) => new(SqlKind.Text, CompactBit, utf8);

    public static SqlValue FromBlob(ReadOnlyMemory<byte> bytes) => new(SqlKind.Blob, 0, bytes);

    /// <summary>For diagnostics only.</summary>
    public override string ToString() => Kind switch
    {
        SqlKind.Null => "null",
        SqlKind.Integer => Integer.ToString(System.Globalization.CultureInfo.InvariantCulture),
        SqlKind.Real => Real.ToString("R", System.Globalization.CultureInfo.InvariantCulture),
        SqlKind.Text => "'" + Encoding.UTF8.GetString(Bytes.Span) + "'",
        _ => "x'" + Convert.ToHexString(Bytes.Span) + "'",
    };
}
