using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>An instant as SQLite computes with it: milliseconds since the beginning of the Julian day count.</summary>
/// <remarks>The current time and the time zone of the machine are no part of the language: what asks for them gives null.</remarks>
// https://www.sqlite.org/lang_datefunc.html
internal static partial class SqliteTime
{
    public const long MillisecondsPerDay = 86_400_000;

    // Julian day 2440587.5.
    public const long UnixEpoch = 210_866_760_000_000;

    // -4713-11-24 12:00:00 to 9999-12-31 23:59:59.999.
    private const long Last = 464_269_060_799_999;

    public static bool IsValid(long instant) => instant is >= 0 and <= Last;

    /// <summary>Reads a time value.</summary>
    /// <param name="value">Text in one of SQLite's forms, or a number.</param>
    /// <param name="time">What modifiers then change.</param>
    public static bool TryRead(in SqlValue value, out SqliteTimeValue time)
    {
        time = default;
        switch (value.Kind)
        {
            case SqlKind.Integer:
                time.Number = value.Integer;
                break;
            case SqlKind.Real:
                time.Number = value.Real;
                break;
            case SqlKind.Text or SqlKind.Blob:
                var text = Encoding.UTF8.GetString(value.Bytes.Span);
                if (TryReadText(text, ref time))
                    return IsValid(time.Instant);
                if (!SqlNumber.IsWholeNumber(value.Bytes.Span))
                    return false;
                time.Number = SqlNumber.RealPrefix(value.Bytes.Span);
                break;
            default:
                return false;
        }

        // Out of range it may still be seconds since 1970.
        time.Instant = time.Number is >= 0 and < 5373484.5 ? (long)(time.Number.Value * MillisecondsPerDay + 0.5) : -1;
        return true;
    }

    public static long FromDate(long year, int month, int day) =>
        Calendar.DaysFromEpoch(year, month, day) * MillisecondsPerDay + UnixEpoch;

    /// <summary>Calendar parts of an instant.</summary>
    public static (long Year, int Month, int Day, long Milliseconds) Split(long instant)
    {
        var sinceEpoch = instant - UnixEpoch;
        var days = Math.DivRem(sinceEpoch, MillisecondsPerDay, out var rest);
        if (rest < 0)
            (days, rest) = (days - 1, rest + MillisecondsPerDay);
        var (year, month, day) = Calendar.DateOf(days);
        return (year, (int)month, (int)day, rest);
    }

    private static bool TryReadText(string text, ref SqliteTimeValue time)
    {
        var match = TimePattern().Match(text);
        if (!match.Success)
            return false;
        int Part(string name) => match.Groups[name].Success ? int.Parse(match.Groups[name].ValueSpan, CultureInfo.InvariantCulture) : 0;
        var hasDate = match.Groups["year"].Success;
        var (year, month, day) = hasDate ? (Part("year"), Part("month"), Part("day")) : (2000, 1, 1);
        var (hour, minute, second) = (Part("hour"), Part("minute"), Part("second"));
        if (month is < 1 or > 12 || day is < 1 or > 31 || hour > 24 || minute > 59 || second > 59)
            return false;
        if (match.Groups["yearsign"].Success)
            year = -year;
        var fraction = match.Groups["fraction"].Success
            ? double.Parse("0." + match.Groups["fraction"].Value, CultureInfo.InvariantCulture)
            : 0;
        time.SetDate(year, month, day);
        time.Instant += ((hour * 60L + minute) * 60 + second) * 1000 + (long)(fraction * 1000 + 0.5);
        time.IsAsNamed = !match.Groups["sign"].Success;
        if (time.IsAsNamed)
            return true;
        var (hours, minutes) = (Part("offsethours"), Part("offsetminutes"));
        if (hours > 14 || minutes > 59)
            return false;
        var offset = (hours * 60L + minutes) * 60_000;
        time.Instant += match.Groups["sign"].Value == "-" ? offset : -offset;
        return true;
    }

    [GeneratedRegex(
        @"\A(?:(?<yearsign>-)?(?<year>[0-9]{4})-(?<month>[0-9]{2})-(?<day>[0-9]{2})(?:[ T]\s*|(?=\s*\z)))?(?:(?<hour>[0-9]{2}):(?<minute>[0-9]{2})(?::(?<second>[0-9]{2})(?:\.(?<fraction>[0-9]+))?)?\s*(?:[Zz]|(?<sign>[+-])(?<offsethours>[0-9]{2}):(?<offsetminutes>[0-9]{2}))?)?(?<!\A)\s*\z",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex TimePattern();
}
