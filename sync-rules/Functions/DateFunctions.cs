using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary><c>unixepoch</c> and <c>datetime</c>. They never mean the current time: evaluation must not depend on a clock.</summary>
internal static partial class DateFunctions
{
    private const double EpochJulianDay = 2440587.5;
    private const double MillisecondsPerDay = 86_400_000;

    // The range of instants that the field's services and clients compute with.
    private const double MaxInstant = 8_640_000_000_000_000;

    // Years 0000 to 9999, the range that the text form can hold.
    private const long MinMilliseconds = -62_167_219_200_000;
    private const long MaxMilliseconds = 253_402_300_799_999;

    public static SqlValue UnixEpoch(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (!TryRead(arguments, context, out var milliseconds, out var subsecond))
            return SqlValue.Null;
        return subsecond
            ? SqlValue.FromReal(milliseconds / 1000.0)
            : SqlValue.FromInteger((long)Math.Floor(milliseconds / 1000.0));
    }

    public static SqlValue DateTimeText(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (!TryRead(arguments, context, out var milliseconds, out var subsecond) || milliseconds is < MinMilliseconds or > MaxMilliseconds)
            return SqlValue.Null;
        return SqlValue.FromText(Format(milliseconds, subsecond));
    }

    private static bool TryRead(ReadOnlySpan<SqlValue> arguments, EvaluationContext context, out long milliseconds, out bool subsecond)
    {
        milliseconds = 0;
        if (!TryReadModifiers(arguments[1..], out var isUnix, out subsecond) || arguments.IsEmpty)
            return false;
        var value = arguments[0];
        double? instant = value.Kind switch
        {
            SqlKind.Integer => OfNumber(value.Integer, isUnix),
            SqlKind.Real => OfNumber(value.Real, isUnix),
            SqlKind.Text => OfText(Encoding.UTF8.GetString(value.Bytes.Span)),
            _ => null,
        };
        if (instant is not { } found || !(Math.Abs(found) <= MaxInstant))
            return false;
        milliseconds = (long)found;
        return true;
    }

    private static bool TryReadModifiers(ReadOnlySpan<SqlValue> modifiers, out bool isUnix, out bool subsecond)
    {
        isUnix = false;
        subsecond = false;
        for (var index = 0; index < modifiers.Length; index++)
        {
            var text = modifiers[index].Bytes.Span;
            if (modifiers[index].Kind != SqlKind.Text)
                return false;
            if (index == 0 && text.SequenceEqual("unixepoch"u8))
                isUnix = true;
            else if (!subsecond && (text.SequenceEqual("subsec"u8) || text.SequenceEqual("subsecond"u8)))
                subsecond = true;
            else
                return false;
        }
        return true;
    }

    private static double OfNumber(double number, bool isUnix) => isUnix
        ? Math.Floor(number * 1000 + 1e-6)
        : Math.Round((number - EpochJulianDay) * MillisecondsPerDay);

    private static double? OfText(string text)
    {
        if (JulianPattern().IsMatch(text))
            return OfNumber(double.Parse(text, CultureInfo.InvariantCulture), isUnix: false);
        var match = DatePattern().Match(text);
        if (!match.Success)
            return null;
        int Part(string name) => match.Groups[name].Success ? int.Parse(match.Groups[name].Value, CultureInfo.InvariantCulture) : 0;
        var (year, month, day) = (Part("year"), Part("month"), Part("day"));
        var (hour, minute, second) = (Part("hour"), Part("minute"), Part("second"));
        if (month is < 1 or > 12 || day < 1 || day > Calendar.DaysIn(year, month) || hour > 24 || minute > 59 || second > 59)
            return null;
        if (hour == 24 && (minute != 0 || second != 0))
            return null;
        var fraction = match.Groups["fraction"].Value.PadRight(3, '0')[..3];
        var milliseconds = Calendar.DaysFromEpoch(year, month, day) * MillisecondsPerDay
            + ((hour * 60L + minute) * 60 + second) * 1000 + int.Parse(fraction, CultureInfo.InvariantCulture);
        if (!match.Groups["sign"].Success)
            return milliseconds;
        var offset = (Part("offsethours") * 60 + Part("offsetminutes")) * 60_000;
        return match.Groups["sign"].Value == "-" ? milliseconds + offset : milliseconds - offset;
    }

    private static string Format(long milliseconds, bool subsecond)
    {
        var days = (long)Math.Floor(milliseconds / MillisecondsPerDay);
        var rest = milliseconds - days * (long)MillisecondsPerDay;
        var (year, month, day) = Calendar.DateOf(days);
        var text = string.Create(CultureInfo.InvariantCulture,
            $"{year:0000}-{month:00}-{day:00} {rest / 3_600_000:00}:{rest / 60_000 % 60:00}:{rest / 1000 % 60:00}");
        return subsecond ? text + string.Create(CultureInfo.InvariantCulture, $".{rest % 1000:000}") : text;
    }

    [GeneratedRegex(@"\A[0-9]+(?:\.[0-9]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex JulianPattern();

    [GeneratedRegex(
        @"\A(?<year>[0-9]{4})-(?<month>[0-9]{2})-(?<day>[0-9]{2})(?:[ T](?<hour>[0-9]{2}):(?<minute>[0-9]{2})(?::(?<second>[0-9]{2})(?:\.(?<fraction>[0-9]+))?)?)?\s*(?:Z|(?<sign>[+-])(?<offsethours>[0-9]{2}):(?<offsetminutes>[0-9]{2}))?\z",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex DatePattern();
}
