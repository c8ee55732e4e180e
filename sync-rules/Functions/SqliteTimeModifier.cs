using System.Globalization;
using System.Text.RegularExpressions;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>The modifiers of SQLite's date functions, applied from left to right.</summary>
// https://www.sqlite.org/lang_datefunc.html#modifiers
internal static partial class SqliteTimeModifier
{
    /// <summary>Applies one modifier.</summary>
    /// <param name="modifier">As written.</param>
    /// <param name="isFirst">Some may only stand directly behind the time value.</param>
    /// <param name="instant">Changed by it.</param>
    /// <param name="number">The time value, while it is a number that nobody has read otherwise.</param>
    /// <param name="subsecond">Set by <c>subsec</c>.</param>
    /// <returns>Whether there is such a modifier and its result is in range.</returns>
    public static bool TryApply(string modifier, bool isFirst, ref long instant, ref double? number, ref bool subsecond)
    {
        var word = modifier.ToLowerInvariant();
        switch (word)
        {
            case "subsec" or "subsecond":
                subsecond = true;
                return true;
            case "unixepoch":
                if (!isFirst || number is not { } seconds)
                    return false;
                instant = FromUnix(seconds);
                number = null;
                return SqliteTime.IsValid(instant);
            case "auto":
                if (!isFirst)
                    return false;
                if (instant < 0 && number is { } automatic)
                    instant = FromUnix(automatic);
                number = null;
                return SqliteTime.IsValid(instant);
            case "julianday":
                return isFirst && number is not null && SqliteTime.IsValid(instant);
        }
        if (!SqliteTime.IsValid(instant))
            return false;
        number = null;
        var isKnown = word.StartsWith("start of ", StringComparison.Ordinal)
            ? TryStartOf(word["start of ".Length..], ref instant)
            : word.StartsWith("weekday ", StringComparison.Ordinal) ? TryWeekday(word["weekday ".Length..], ref instant) : TryShift(word, ref instant);
        return isKnown && SqliteTime.IsValid(instant);
    }

    private static long FromUnix(double seconds)
    {
        var milliseconds = seconds * 1000 + SqliteTime.UnixEpoch;
        return milliseconds is >= 0 and < 1e15 ? (long)(milliseconds + 0.5) : -1;
    }

    private static bool TryStartOf(string unit, ref long instant)
    {
        var (year, month, day, _) = SqliteTime.Split(instant);
        switch (unit)
        {
            case "day":
                instant = SqliteTime.FromDate(year, month, day);
                return true;
            case "month":
                instant = SqliteTime.FromDate(year, month, 1);
                return true;
            case "year":
                instant = SqliteTime.FromDate(year, 1, 1);
                return true;
            default:
                return false;
        }
    }

    // Forward to the next day of that number, 0 being Sunday, unless it is that day already.
    private static bool TryWeekday(string text, ref long instant)
    {
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var wanted) || wanted is not (>= 0 and < 7) || wanted != Math.Floor(wanted))
            return false;
        instant += ((int)wanted - WeekdayOf(instant) + 7) % 7 * SqliteTime.MillisecondsPerDay;
        return true;
    }

    /// <summary>0 is Sunday.</summary>
    public static int WeekdayOf(long instant) => (int)((instant + 129_600_000) / SqliteTime.MillisecondsPerDay % 7);

    private static bool TryShift(string text, ref long instant)
    {
        if (ClockPattern().Match(text) is { Success: true } clock)
            return TryShiftClock(clock, ref instant);
        if (UnitPattern().Match(text) is not { Success: true } match)
            return false;
        var amount = double.Parse(match.Groups["number"].ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture);
        var (unit, limit) = match.Groups["unit"].Value switch
        {
            "second" => (1000.0, 4.6427e14),
            "minute" => (60_000.0, 7.7379e12),
            "hour" => (3_600_000.0, 1.2897e11),
            "day" => ((double)SqliteTime.MillisecondsPerDay, 5373485.0),
            "month" => (30.0 * SqliteTime.MillisecondsPerDay, 176546.0),
            _ => (365.0 * SqliteTime.MillisecondsPerDay, 14713.0),
        };
        if (!(Math.Abs(amount) < limit))
            return false;
        if (match.Groups["unit"].Value is "month" or "year")
        {
            var whole = (int)amount;
            ShiftMonths(match.Groups["unit"].Value == "month" ? whole : whole * 12, ref instant);
            amount -= whole;
        }
        instant += (long)(amount * unit + (amount < 0 ? -0.5 : 0.5));
        return true;
    }

    private static void ShiftMonths(int months, ref long instant)
    {
        var (year, month, day, rest) = SqliteTime.Split(instant);
        var total = year * 12 + month - 1 + months;
        var shiftedYear = total >= 0 ? total / 12 : (total - 11) / 12;
        instant = SqliteTime.FromDate(shiftedYear, (int)(total - shiftedYear * 12) + 1, day) + rest;
    }

    private static bool TryShiftClock(Match clock, ref long instant)
    {
        int Part(string name) => clock.Groups[name].Success ? int.Parse(clock.Groups[name].ValueSpan, CultureInfo.InvariantCulture) : 0;
        var (hours, minutes, seconds) = (Part("hours"), Part("minutes"), Part("seconds"));
        if (hours > 24 || minutes > 59 || seconds > 59)
            return false;
        var fraction = clock.Groups["fraction"].Success ? double.Parse("0." + clock.Groups["fraction"].Value, CultureInfo.InvariantCulture) : 0;
        var shift = ((hours * 60L + minutes) * 60 + seconds) * 1000 + (long)(fraction * 1000 + 0.5);
        instant += clock.Groups["sign"].Value == "-" ? -shift : shift;
        return true;
    }

    [GeneratedRegex(@"\A(?<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?)\s+(?<unit>second|minute|hour|day|month|year)s?\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex UnitPattern();

    [GeneratedRegex(@"\A(?<sign>[+-])?(?<hours>[0-9]{2}):(?<minutes>[0-9]{2})(?::(?<seconds>[0-9]{2})(?:\.(?<fraction>[0-9]+))?)?\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex ClockPattern();
}
