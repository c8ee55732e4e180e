namespace TopGun.Buckets.SyncRules.Values;

/// <summary>Order and truth of values.</summary>
internal static class SqlCompare
{
    /// <summary>Truth in conditions: two-valued, null and blobs are false, text counts by its leading integer.</summary>
    public static bool IsTrue(in SqlValue value) => value.Kind switch
    {
        SqlKind.Integer => value.Integer != 0,
        SqlKind.Real => value.Real != 0,
        SqlKind.Text => SqlNumber.IntegerPrefix(value.Bytes.Span) != 0,
        _ => false,
    };

    /// <param name="value">Any value.</param>
    /// <param name="isExact">As in SQLite: text and blobs count by their leading number, so that '0.5' is true.</param>
    public static bool IsTrue(in SqlValue value, bool isExact) => isExact && value.Kind is SqlKind.Text or SqlKind.Blob
        ? SqlNumber.RealPrefix(value.Bytes.Span) != 0
        : IsTrue(value);

    /// <summary>Equality of two values that are not null.</summary>
    public static bool AreEqual(in SqlValue left, in SqlValue right) =>
        Class(left) == Class(right) && Compare(left, right) == 0;

    /// <summary>Order of two values that are not null: numbers, then text, then blobs; no conversion between them.</summary>
    public static int Compare(in SqlValue left, in SqlValue right) => Compare(left, right, isExact: false);

    /// <param name="left">One value.</param>
    /// <param name="right">Another.</param>
    /// <param name="isExact">As in SQLite: text orders by code point instead of by UTF-16 unit.</param>
    public static int Compare(in SqlValue left, in SqlValue right, bool isExact)
    {
        var leftClass = Class(left);
        var rightClass = Class(right);
        if (leftClass != rightClass)
            return leftClass.CompareTo(rightClass);
        return leftClass switch
        {
            0 => CompareNumbers(left, right),
            1 when !isExact => CompareText(left.Bytes.Span, right.Bytes.Span),
            _ => left.Bytes.Span.SequenceCompareTo(right.Bytes.Span),
        };
    }

    private static int Class(in SqlValue value) => value.Kind switch
    {
        SqlKind.Text => 1,
        SqlKind.Blob => 2,
        _ => 0,
    };

    private static int CompareNumbers(in SqlValue left, in SqlValue right) => (left.Kind, right.Kind) switch
    {
        (SqlKind.Integer, SqlKind.Integer) => left.Integer.CompareTo(right.Integer),
        (SqlKind.Real, SqlKind.Real) => left.Real.CompareTo(right.Real),
        (SqlKind.Integer, _) => CompareExactly(left.Integer, right.Real),
        _ => -CompareExactly(right.Integer, left.Real),
    };

    // Converting the integer to a real would lose digits above 2^53.
    private static int CompareExactly(long integer, double real)
    {
        if (double.IsNaN(real))
            return 1;
        if (real >= 9223372036854775808.0)
            return -1;
        if (real < -9223372036854775808.0)
            return 1;
        var whole = (long)Math.Floor(real);
        return integer != whole ? integer.CompareTo(whole) : real > whole ? -1 : 0;
    }

    // Order is by UTF-16 unit. UTF-8 bytes order the same way except for U+E000..U+FFFF against characters beyond U+FFFF,
    // which UTF-16 stores as surrogates (U+D800..U+DFFF) and therefore sorts first.
    private static int CompareText(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        var common = left.CommonPrefixLength(right);
        if (common == left.Length || common == right.Length)
            return left.Length.CompareTo(right.Length);
        var (a, b) = (left[common], right[common]);
        if (a >= 0xF0 && b is 0xEE or 0xEF)
            return -1;
        if (b >= 0xF0 && a is 0xEE or 0xEF)
            return 1;
        return a.CompareTo(b);
    }
}
