using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace TopGun.Buckets.SyncRules.Values;

/// <summary>Numbers as text, and numeric prefixes of text.</summary>
internal static class SqlNumber
{
    /// <summary>Bytes that <see cref="WriteReal"/> needs at most.</summary>
    public const int MaxRealLength = 32;

    /// <summary>Below 2^53 every whole real is an integer without loss.</summary>
    public const double ExactIntegers = 9007199254740992.0;

    /// <summary>Writes a finite real as ECMAScript prints numbers, so that every client language reads the same text.</summary>
    /// <param name="value">The number.</param>
    /// <param name="keepsPoint">Whether a whole number gets <c>.0</c>, which tells it from an integer.</param>
    /// <param name="target">At least <see cref="MaxRealLength"/> bytes.</param>
    /// <returns>Bytes written.</returns>
    // https://tc39.es/ecma262/#sec-numeric-types-number-tostring
    public static int WriteReal(double value, bool keepsPoint, Span<byte> target)
    {
        if (value == 0)
            value = 0; // negative zero prints without its sign
        if (Math.Abs(value) < 1e15 && value == Math.Truncate(value))
        {
            Utf8Formatter.TryFormat((long)value, target, out var whole);
            if (keepsPoint)
            {
                ".0"u8.CopyTo(target[whole..]);
                whole += 2;
            }
            return whole;
        }

        // .NET gives the same shortest digits; only their layout differs.
        Span<byte> shortest = stackalloc byte[MaxRealLength];
        value.TryFormat(shortest, out var length, "R", CultureInfo.InvariantCulture);
        Span<byte> digits = stackalloc byte[MaxRealLength];
        ReadDigits(shortest[..length], digits, out var count, out var point, out var negative);

        var at = 0;
        if (negative)
            target[at++] = (byte)'-';
        return LayOut(digits[..count], point, keepsPoint, target, at);
    }

    // Splits "-1.25E-07" into digits 125, their count, and the position of the decimal point relative to the first digit.
    private static void ReadDigits(ReadOnlySpan<byte> text, Span<byte> digits, out int count, out int point, out bool negative)
    {
        count = 0;
        point = -1;
        negative = false;
        var exponent = 0;
        for (var index = 0; index < text.Length; index++)
        {
            var c = text[index];
            if (c == '-')
                negative = true;
            else if (c == '.')
                point = count;
            else if (c == 'E')
            {
                exponent = int.Parse(text[(index + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
                break;
            }
            else
                digits[count++] = c;
        }
        if (point < 0)
            point = count;
        point += exponent;

        var leading = 0;
        while (leading < count - 1 && digits[leading] == '0')
            leading++;
        if (leading > 0)
        {
            digits[leading..count].CopyTo(digits);
            count -= leading;
            point -= leading;
        }
        while (count > 1 && digits[count - 1] == '0')
            count--;
    }

    private static int LayOut(ReadOnlySpan<byte> digits, int point, bool keepsPoint, Span<byte> target, int at)
    {
        if (point is > 0 and <= 21)
        {
            if (digits.Length <= point)
            {
                digits.CopyTo(target[at..]);
                at += digits.Length;
                target.Slice(at, point - digits.Length).Fill((byte)'0');
                at += point - digits.Length;
                if (keepsPoint)
                {
                    target[at++] = (byte)'.';
                    target[at++] = (byte)'0';
                }
                return at;
            }
            digits[..point].CopyTo(target[at..]);
            at += point;
            target[at++] = (byte)'.';
            digits[point..].CopyTo(target[at..]);
            return at + digits.Length - point;
        }
        if (point is > -6 and <= 0)
        {
            target[at++] = (byte)'0';
            target[at++] = (byte)'.';
            target.Slice(at, -point).Fill((byte)'0');
            at -= point;
            digits.CopyTo(target[at..]);
            return at + digits.Length;
        }

        target[at++] = digits[0];
        if (digits.Length > 1)
        {
            target[at++] = (byte)'.';
            digits[1..].CopyTo(target[at..]);
            at += digits.Length - 1;
        }
        target[at++] = (byte)'e';
        var exponent = point - 1;
        target[at++] = exponent < 0 ? (byte)'-' : (byte)'+';
        Utf8Formatter.TryFormat(Math.Abs(exponent), target[at..], out var written);
        return at + written;
    }

    /// <summary>Text of a real without the <c>.0</c> of whole numbers.</summary>
    public static string RealText(double value)
    {
        Span<byte> buffer = stackalloc byte[MaxRealLength];
        return Encoding.ASCII.GetString(buffer[..WriteReal(value, keepsPoint: false, buffer)]);
    }

    /// <summary>Whether a real stands for exactly one 64-bit integer; both then are the same key.</summary>
    public static bool TryWhole(double value, out long whole)
    {
        // 2^63 itself does not fit, and casts beyond the range saturate silently.
        if (value == Math.Floor(value) && value is >= -9223372036854775808.0 and < 9223372036854775808.0)
        {
            whole = (long)value;
            return true;
        }
        whole = 0;
        return false;
    }

    /// <summary>Integer of a text: optional blanks, sign and digits from its beginning; 0 without digits. Saturates.</summary>
    public static long IntegerPrefix(ReadOnlySpan<byte> text)
    {
        var at = SkipBlanks(text);
        var negative = false;
        if (at < text.Length && text[at] is (byte)'+' or (byte)'-')
            negative = text[at++] == '-';
        var magnitude = 0UL;
        var limit = negative ? 1UL << 63 : long.MaxValue;
        for (; at < text.Length && text[at] is >= (byte)'0' and <= (byte)'9'; at++)
        {
            var digit = (ulong)(text[at] - '0');
            magnitude = magnitude > (limit - digit) / 10 ? limit : magnitude * 10 + digit;
        }
        return negative ? unchecked(-(long)magnitude) : (long)magnitude;
    }

    /// <summary>Number of a text from its beginning: an integer when only digits are there; integer 0 without digits.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="isExact">As in SQLite, where a point alone makes a real: <c>5.</c></param>
    /// <param name="real">The number when it is no 64-bit integer, which a null result says.</param>
    public static SqlValue? NumericPrefix(ReadOnlySpan<byte> text, bool isExact, out double real)
    {
        real = 0;
        var length = RealPrefixLength(text, allowsBarePoint: isExact, out var first, out var isInteger);
        if (length == first)
            return SqlValue.FromInteger(0);
        var number = text[first..length];
        if (isInteger && TryInteger(number, out var integer))
            return SqlValue.FromInteger(integer);
        real = ParseReal(number);
        return null;
    }

    /// <summary>The nearest 64-bit integer of a whole real.</summary>
    public static long Saturate(double value) => value switch
    {
        >= 9223372036854775808.0 => long.MaxValue,
        < -9223372036854775808.0 => long.MinValue,
        double.NaN => 0,
        _ => (long)value,
    };

    /// <summary>A real that is not negative with that many digits behind the point; halves go up, as in SQLite.</summary>
    public static string Fixed(double magnitude, int digits)
    {
        // All digits that can matter: .NET prints the exact value, but rounds halves to even.
        const int More = 30;
        var exact = magnitude.ToString("F" + (digits + More).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        var kept = exact[..^More].ToCharArray();
        if (exact[^More] >= '5')
        {
            var at = kept.Length - 1;
            while (at >= 0 && kept[at] is '9' or '.')
            {
                if (kept[at] == '9')
                    kept[at] = '0';
                at--;
            }
            if (at < 0)
                return "1" + new string(kept).TrimEnd('.');
            kept[at]++;
        }
        return new string(kept).TrimEnd('.');
    }

    /// <summary>A finite real with that many significant digits at most and always a point, as SQLite's <c>%!.15g</c>.</summary>
    public static string General(double value, int digits)
    {
        var text = value.ToString("E" + (digits - 1).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        var mark = text.IndexOf('E', StringComparison.Ordinal);
        var exponent = int.Parse(text.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var sign = value < 0 ? "-" : "";
        var significant = text[(sign.Length)..mark].Replace(".", "", StringComparison.Ordinal).TrimEnd('0');
        if (exponent >= -4 && exponent < digits)
        {
            var whole = exponent < 0 ? "0" : significant.PadRight(exponent + 1, '0')[..(exponent + 1)];
            var fraction = exponent < 0 ? new string('0', -exponent - 1) + significant : significant[Math.Min(exponent + 1, significant.Length)..];
            return $"{sign}{whole}.{(fraction.Length == 0 ? "0" : fraction)}";
        }
        var rest = significant.Length > 1 ? significant[1..] : "0";
        return string.Create(CultureInfo.InvariantCulture, $"{sign}{significant[0]}.{rest}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}");
    }

    /// <summary>Whether a text is one number and blanks around it.</summary>
    public static bool IsWholeNumber(ReadOnlySpan<byte> text)
    {
        var end = RealPrefixLength(text, allowsBarePoint: true, out var first, out _);
        return end > first && SkipBlanks(text[end..]) == text.Length - end;
    }

    /// <summary>Real of a text from its beginning; 0 without digits.</summary>
    public static double RealPrefix(ReadOnlySpan<byte> text)
    {
        var length = RealPrefixLength(text, allowsBarePoint: true, out var first, out _);
        return length == first ? 0 : ParseReal(text[first..length]);
    }

    /// <summary>Exact 64-bit integer of the whole text, which may have a sign.</summary>
    public static bool TryInteger(ReadOnlySpan<byte> text, out long value)
    {
        if (text.Length > 0 && text[0] == '+')
            text = text[1..];
        return Utf8Parser.TryParse(text, out value, out var used) && used == text.Length && text.Length > 0;
    }

    public static double ParseReal(ReadOnlySpan<byte> text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : double.NaN;

    private static int RealPrefixLength(ReadOnlySpan<byte> text, bool allowsBarePoint, out int first, out bool isInteger)
    {
        first = SkipBlanks(text);
        isInteger = true;
        var at = first;
        if (at < text.Length && text[at] is (byte)'+' or (byte)'-')
            at++;
        var digits = SkipDigits(text, ref at);
        if (at < text.Length && text[at] == '.')
        {
            var afterPoint = at + 1;
            var fraction = SkipDigits(text, ref afterPoint);
            if (fraction > 0 || (allowsBarePoint && digits > 0))
            {
                isInteger = false;
                at = afterPoint;
                digits += fraction;
            }
        }
        if (digits == 0)
            return first;
        if (at < text.Length && text[at] is (byte)'e' or (byte)'E')
        {
            var afterSign = at + 1;
            if (afterSign < text.Length && text[afterSign] is (byte)'+' or (byte)'-')
                afterSign++;
            if (SkipDigits(text, ref afterSign) > 0)
            {
                isInteger = false;
                at = afterSign;
            }
        }
        return at;
    }

    private static int SkipDigits(ReadOnlySpan<byte> text, ref int at)
    {
        var start = at;
        while (at < text.Length && text[at] is >= (byte)'0' and <= (byte)'9')
            at++;
        return at - start;
    }

    private static int SkipBlanks(ReadOnlySpan<byte> text)
    {
        var at = 0;
        while (at < text.Length && text[at] is (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r' or 0x0b or 0x0c)
            at++;
        return at;
    }
}
