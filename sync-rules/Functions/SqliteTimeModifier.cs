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
    /// <param name="time">Changed by it.</param>
    /// <returns>Whether there is such a modifier and its result is in range.</returns>
    public static bool TryApply(string modifier, bool isFirst, ref SqliteTimeValue time)
    {
        var word = modifier.ToLowerInvariant();
        switch (word)
        {
            case "subsec" or "subsecond":
                time.HasSubsecond = true;
                return true;
            case "unixepoch":
                if (!isFirst || time.Number is not { } seconds)
                    return false;
                time.Instant = FromUnix(seconds);
                time.Number = null;
                return SqliteTime.IsValid(time.Instant);
            case "auto":
                if (!isFirst)
                    return false;
                if (time.Instant < 0 && time.Number is { } automatic)
                    time.Instant = FromUnix(automatic);
                time.Number = null;
                return SqliteTime.IsValid(time.Instant);
            case "julianday":
                return isFirst && time.Number is not null && SqliteTime.IsValid(time.Instant);
        }
        if (!SqliteTime.IsValid(time.Instant))
            return false;
        time.Number = null;
        var isKnown = TryMove(word, ref time);
        time.IsAsNamed &= word == "start of day";
        return isKnown && SqliteTime.IsValid(time.Instant);
    }

    private static bool TryMove(string word, ref SqliteTimeValue time)
    {
        switch (word)
        {
            case "floor":
                time.Instant -= time.DaysPastMonth * SqliteTime.MillisecondsPerDay;
                return true;
            case "ceiling":
                time.DaysPastMonth = 0;
                return true;
        }
        if (word.StartsWith("start of ", StringComparison.Ordinal))
            return TryStartOf(word["start of ".Length..], ref time);
        if (word.StartsWith("weekday ", StringComparison.Ordinal))
            return TryWeekday(word["weekday ".Length..], ref time.Instant);
        if (DatePattern().Match(word) is { Success: true } date)
            return TryShiftDate(date, ref time);
        if (ClockPattern().Match(word) is { Success: true } clock)
            return TryShiftClock(clock, ref time.Instant);
        return UnitPattern().Match(word) is { Success: true } match && TryShift(match, ref time);
    }

    private static long FromUnix(double seconds)
    {
        var milliseconds = seconds * 1000 + SqliteTime.UnixEpoch;
        return milliseconds is >= 0 and < 1e15 ? (long)(milliseconds + 0.5) : -1;
    }

    private static bool TryStartOf(string unit, ref SqliteTimeValue time)
    {
        var (year, month, day, _) = time.Split();
        switch (unit)
        {
            case "day":
                time.Instant = SqliteTime.FromDate(year, month, day);
                return true;
            case "month":
                time.Instant = SqliteTime.FromDate(year, month, 1);
                return true;
            case "year":
                time.Instant = SqliteTime.FromDate(year, 1, 1);
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

    private static bool TryShift(Match match, ref SqliteTimeValue time)
    {
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
            time.AddMonths(match.Groups["unit"].Value == "month" ? whole : whole * 12);
            amount -= whole;
        }
        else
        {
            time.DaysPastMonth = 0;
        }
        time.Instant += (long)(amount * unit + (amount < 0 ? -0.5 : 0.5));
        return true;
    }

    // The form in which timediff gives differences.
    private static bool TryShiftDate(Match date, ref SqliteTimeValue time)
    {
        int Part(string name) => int.Parse(date.Groups[name].ValueSpan, CultureInfo.InvariantCulture);
        var (months, days) = (Part("months"), Part("days"));
        if (months > 11 || days > 30)
            return false;
        var sign = date.Groups["sign"].Value == "-" ? -1 : 1;
        time.AddMonths(sign * (Part("years") * 12L + months));
        time.Instant += sign * days * SqliteTime.MillisecondsPerDay;
        return !date.Groups["hours"].Success || TryShiftClock(date, ref time.Instant);
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

    [GeneratedRegex(@"\A(?<sign>[+-])(?<years>[0-9]{4,5})-(?<months>[0-9]{2})-(?<days>[0-9]{2})(?:\s(?<hours>[0-9]{2}):(?<minutes>[0-9]{2})(?::(?<seconds>[0-9]{2})(?:\.(?<fraction>[0-9]+))?)?)?\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex DatePattern();

    [GeneratedRegex(@"\A(?<sign>[+-])?(?<hours>[0-9]{2}):(?<minutes>[0-9]{2})(?::(?<seconds>[0-9]{2})(?:\.(?<fraction>[0-9]+))?)?\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex ClockPattern();
}
