using System.Globalization;
using System.Text;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary><c>format(text, …)</c>, also called <c>printf</c>.</summary>
/// <param name="isExact">Whether reals become text as SQLite prints them.</param>
// https://www.sqlite.org/printf.html: %[flags][width][.precision]conversion
internal sealed class SqliteFormat(bool isExact)
{
    // A width is for columns of text; without a bound a few characters would ask for all memory.
    private const int MaxWidth = 100_000;

    // Digits beyond this are zeros or noise in any double.
    private const int MaxPrecision = 350;

    public SqlValue Apply(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (arguments[0].IsNull)
            return SqlValue.Null;
        var format = SqlCast.StringOf(arguments[0], isExact, context.Scratch);
        var values = arguments[1..];
        var target = new StringBuilder();
        for (var at = 0; at < format.Length;)
        {
            var mark = format.IndexOf('%', at);
            if (mark < 0)
                mark = format.Length;
            target.Append(format, at, mark - at);
            if (mark == format.Length)
                break;
            at = mark + 1;
            var conversion = ReadConversion(format, ref at, ref values);

            // What cannot be read ends the text, as in SQLite.
            if (conversion.Letter == '\0' || Convert(conversion, ref values, context) is not { } text)
                break;
            Pad(target, text, conversion);
            if (target.Length > SqliteTextFunctions.MaxLength)
                throw new EvaluationException("A computed text is larger than a row can be.");
        }
        return SqlValue.FromText(target.ToString());
    }

    private static Conversion ReadConversion(string format, ref int at, ref ReadOnlySpan<SqlValue> values)
    {
        var start = at;
        while (at < format.Length && "-+ #0,!".Contains(format[at], StringComparison.Ordinal))
            at++;
        var flags = format[start..at];
        var width = ReadNumber(format, ref at, ref values) ?? 0;
        if (width < 0)
            (flags, width) = (flags + "-", -width);
        int? precision = null;
        if (at < format.Length && format[at] == '.')
        {
            at++;
            precision = Math.Abs(ReadNumber(format, ref at, ref values) ?? 0);
        }
        while (at < format.Length && format[at] == 'l')
            at++;
        return new Conversion(flags, Math.Min(width, MaxWidth), precision, at < format.Length ? format[at++] : '\0');
    }

    private static int? ReadNumber(string format, ref int at, ref ReadOnlySpan<SqlValue> values)
    {
        if (at < format.Length && format[at] == '*')
        {
            at++;
            return (int)Math.Clamp(SqlCast.ToInteger(Take(ref values), truncates: true).Integer, -MaxWidth, MaxWidth);
        }
        int? number = null;
        for (; at < format.Length && char.IsAsciiDigit(format[at]); at++)
            number = Math.Min((number ?? 0) * 10 + (format[at] - '0'), MaxWidth);
        return number;
    }

    private string? Convert(Conversion conversion, ref ReadOnlySpan<SqlValue> values, EvaluationContext context)
    {
        switch (conversion.Letter)
        {
            case '%':
                return "%";
            case 'd' or 'i':
                return Integer(SqlCast.ToInteger(Take(ref values), truncates: true).Integer, conversion);
            case 'u':
                return Grouped(((ulong)SqlCast.ToInteger(Take(ref values), truncates: true).Integer).ToString(CultureInfo.InvariantCulture), conversion);
            case 'x' or 'X' or 'o':
                return Radix(SqlCast.ToInteger(Take(ref values), truncates: true).Integer, conversion);
            case 'f' or 'e' or 'E' or 'g' or 'G':
                return Real(SqlCast.ToReal(Take(ref values), isExact: true).Real, conversion);
            case 's' or 'z':
                return Shortened(TextOf(Take(ref values), context) ?? "", conversion);
            case 'c':
                var text = TextOf(Take(ref values), context) ?? "";
                var first = text.Length == 0 ? "" : text.EnumerateRunes().First().ToString();
                return string.Concat(Enumerable.Repeat(first, Math.Max(1, conversion.Precision ?? 1)));
            case 'q':
                return Shortened(TextOf(Take(ref values), context) ?? "(NULL)", conversion).Replace("'", "''", StringComparison.Ordinal);
            case 'Q':
                return TextOf(Take(ref values), context) is { } quoted
                    ? "'" + Shortened(quoted, conversion).Replace("'", "''", StringComparison.Ordinal) + "'"
                    : "NULL";
            case 'w':
                return Shortened(TextOf(Take(ref values), context) ?? "(NULL)", conversion).Replace("\"", "\"\"", StringComparison.Ordinal);
            default:
                return null;
        }
    }

    private static string Integer(long value, Conversion conversion)
    {
        var digits = value.ToString(CultureInfo.InvariantCulture).TrimStart('-').PadLeft(conversion.Precision ?? 1, '0');
        return Sign(value < 0, conversion) + Grouped(digits, conversion);
    }

    private static string Radix(long value, Conversion conversion)
    {
        var digits = conversion.Letter == 'o'
            ? System.Convert.ToString(value, 8)
            : value.ToString(conversion.Letter == 'x' ? "x" : "X", CultureInfo.InvariantCulture);
        digits = digits.PadLeft(conversion.Precision ?? 1, '0');
        if (!conversion.Has('#') || value == 0)
            return digits;
        return conversion.Letter == 'o' ? "0" + digits : $"0{conversion.Letter}{digits}";
    }

    private static string Real(double value, Conversion conversion)
    {
        if (!double.IsFinite(value))
            return double.IsNaN(value) ? "NaN" : Sign(value < 0, conversion) + "Inf";
        var isNegative = value < 0;
        var precision = Math.Min(conversion.Precision ?? 6, MaxPrecision);
        var magnitude = Math.Abs(value);
        var text = conversion.Letter switch
        {
            'f' => SqlNumber.Fixed(magnitude, precision),
            'e' or 'E' => Exponential(magnitude, precision),
            _ => General(magnitude, Math.Max(precision, 1), conversion),
        };
        if (char.IsUpper(conversion.Letter))
            text = text.ToUpperInvariant();
        var point = text.IndexOfAny(['.', 'e', 'E']);
        var whole = point < 0 ? text : text[..point];
        return Sign(isNegative, conversion) + Grouped(whole, conversion) + text[whole.Length..];
    }

    private static string Exponential(double magnitude, int precision)
    {
        var parts = magnitude.ToString("e" + precision.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture).Split('e');
        return $"{parts[0]}e{parts[1][0]}{parts[1][1..].TrimStart('0').PadLeft(2, '0')}";
    }

    // Significant digits; trailing zeros go, unless asked to stay.
    private static string General(double magnitude, int precision, Conversion conversion)
    {
        var scientific = Exponential(magnitude, precision - 1);
        var exponent = int.Parse(scientific.AsSpan(scientific.IndexOf('e', StringComparison.Ordinal) + 1), CultureInfo.InvariantCulture);
        var text = exponent < -4 || exponent >= precision ? scientific : SqlNumber.Fixed(magnitude, precision - 1 - exponent);
        if (conversion.Has('#') || !text.Contains('.', StringComparison.Ordinal))
            return text;
        var mark = text.IndexOf('e', StringComparison.Ordinal);
        var digits = (mark < 0 ? text : text[..mark]).TrimEnd('0').TrimEnd('.');
        if (conversion.Has('!') && !digits.Contains('.', StringComparison.Ordinal))
            digits += ".0";
        return mark < 0 ? digits : digits + text[mark..];
    }

    private static string Sign(bool isNegative, Conversion conversion) =>
        isNegative ? "-" : conversion.Has('+') ? "+" : conversion.Has(' ') ? " " : "";

    private static string Grouped(string digits, Conversion conversion)
    {
        if (!conversion.Has(','))
            return digits;
        var target = new StringBuilder(digits);
        for (var at = digits.Length - 3; at > 0; at -= 3)
            target.Insert(at, ',');
        return target.ToString();
    }

    // Precision of a text counts characters.
    private static string Shortened(string text, Conversion conversion)
    {
        if (conversion.Precision is not { } precision)
            return text;
        var end = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (precision-- == 0)
                break;
            end += rune.Utf16SequenceLength;
        }
        return text[..end];
    }

    private static void Pad(StringBuilder target, string text, Conversion conversion)
    {
        var missing = conversion.Width - text.EnumerateRunes().Count();
        if (missing <= 0)
        {
            target.Append(text);
        }
        else if (conversion.Has('-'))
        {
            target.Append(text).Append(' ', missing);
        }
        else if (conversion.Has('0') && conversion.IsNumber)
        {
            var sign = text.Length > 0 && text[0] is '-' or '+' or ' ' ? 1 : 0;
            target.Append(text, 0, sign).Append('0', missing).Append(text, sign, text.Length - sign);
        }
        else
        {
            target.Append(' ', missing).Append(text);
        }
    }

    private string? TextOf(in SqlValue value, EvaluationContext context) =>
        value.IsNull ? null : SqlCast.StringOf(value, isExact, context.Scratch);

    // A missing argument is null.
    private static SqlValue Take(ref ReadOnlySpan<SqlValue> values)
    {
        if (values.IsEmpty)
            return SqlValue.Null;
        var first = values[0];
        values = values[1..];
        return first;
    }

    private sealed record Conversion(string Flags, int Width, int? Precision, char Letter)
    {
        public bool IsNumber => "diuxXofeEgG".Contains(Letter, StringComparison.Ordinal);

        public bool Has(char flag) => Flags.Contains(flag, StringComparison.Ordinal);
    }
}
