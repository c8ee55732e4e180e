using System.Globalization;
using System.Text;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>SQLite's date and time functions with all modifiers that need neither a clock nor a time zone.</summary>
internal static class SqliteDateFunctions
{
    public static SqlValue UnixEpoch(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (!TryRead(arguments, out var instant, out var subsecond))
            return SqlValue.Null;
        var milliseconds = instant - SqliteTime.UnixEpoch;
        return subsecond
            ? SqlValue.FromReal(milliseconds / 1000.0)
            : SqlValue.FromInteger((long)Math.Floor(milliseconds / 1000.0));
    }

    public static SqlValue DateText(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        TryRead(arguments, out var instant, out _) ? SqlValue.FromText(Print("%F", instant)!) : SqlValue.Null;

    public static SqlValue TimeText(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        TryRead(arguments, out var instant, out var subsecond) ? SqlValue.FromText(Print(subsecond ? "%H:%M:%f" : "%T", instant)!) : SqlValue.Null;

    public static SqlValue DateTimeText(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        TryRead(arguments, out var instant, out var subsecond) ? SqlValue.FromText(Print(subsecond ? "%F %H:%M:%f" : "%F %T", instant)!) : SqlValue.Null;

    public static SqlValue JulianDay(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        TryRead(arguments, out var instant, out _) ? SqlValue.FromReal(instant / (double)SqliteTime.MillisecondsPerDay) : SqlValue.Null;

    /// <summary><c>strftime(format, …)</c>; null when the format holds a letter that has no meaning.</summary>
    public static SqlValue Format(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (arguments[0].IsNull || !TryRead(arguments[1..], out var instant, out var subsecond))
            return SqlValue.Null;
        var text = Print(SqlCast.StringOf(arguments[0], isExact: true, context.Scratch), instant, subsecond);
        return text is null ? SqlValue.Null : SqlValue.FromText(text);
    }

    /// <summary><c>timediff(a, b)</c>: what must be added to the second time to get the first, as <c>+YYYY-MM-DD HH:MM:SS.SSS</c>.</summary>
    public static SqlValue Difference(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        if (!TryRead(arguments[..1], out var to, out _) || !TryRead(arguments[1..], out var from, out _))
            return SqlValue.Null;
        var isForward = to >= from;
        var (toYear, toMonth, _, _) = SqliteTime.Split(to);
        var (fromYear, fromMonth, _, _) = SqliteTime.Split(from);

        // The greatest number of whole months that does not lead beyond.
        var months = (toYear - fromYear) * 12 + toMonth - fromMonth;
        var step = isForward ? -1 : 1;
        long reached;
        while (true)
        {
            var moved = new SqliteTimeValue { Instant = from };
            if (months != 0)
                moved.AddMonths(months);
            reached = moved.Instant;
            if (isForward ? reached <= to : reached >= to)
                break;
            months += step;
        }
        var (rest, count) = (Math.Abs(to - reached), Math.Abs(months));
        var (days, clock) = (rest / SqliteTime.MillisecondsPerDay, rest % SqliteTime.MillisecondsPerDay);
        return SqlValue.FromText(string.Create(
            CultureInfo.InvariantCulture,
            $"{(isForward ? '+' : '-')}{count / 12:0000}-{count % 12:00}-{days:00} {clock / 3_600_000:00}:{clock / 60_000 % 60:00}:{clock / 1000 % 60:00}.{clock % 1000:000}"));
    }

    private static bool TryRead(ReadOnlySpan<SqlValue> arguments, out long instant, out bool subsecond)
    {
        instant = 0;
        subsecond = false;
        if (arguments.IsEmpty || !SqliteTime.TryRead(arguments[0], out var time))
            return false;
        for (var index = 1; index < arguments.Length; index++)
        {
            if (arguments[index].IsNull || !SqliteTimeModifier.TryApply(Encoding.UTF8.GetString(arguments[index].Bytes.Span), index == 1, ref time))
                return false;
        }
        (instant, subsecond) = (time.Instant, time.HasSubsecond);
        return SqliteTime.IsValid(instant);
    }

    private static string? Print(string format, long instant, bool subsecond = false)
    {
        var (year, month, day, milliseconds) = SqliteTime.Split(instant);
        var (hour, minute, second) = (milliseconds / 3_600_000, milliseconds / 60_000 % 60, milliseconds / 1000 % 60);
        var dayOfYear = (instant - SqliteTime.FromDate(year, 1, 1)) / SqliteTime.MillisecondsPerDay;
        var weekday = SqliteTimeModifier.WeekdayOf(instant);
        var culture = CultureInfo.InvariantCulture;
        var date = string.Create(culture, $"{(year < 0 ? "-" : "")}{Math.Abs(year):0000}-{month:00}-{day:00}");
        var halfDay = hour % 12 == 0 ? 12 : hour % 12;
        var target = new StringBuilder();
        for (var at = 0; at < format.Length; at++)
        {
            if (format[at] != '%')
            {
                target.Append(format[at]);
                continue;
            }
            if (++at == format.Length)
                return null;
            object? part = format[at] switch
            {
                '%' => "%",
                'd' => day.ToString("00", culture),
                'e' => day.ToString(culture).PadLeft(2),
                'f' => string.Create(culture, $"{second:00}.{milliseconds % 1000:000}"),
                'F' => date,
                'G' => IsoWeek(instant).Year.ToString("0000", culture),
                'g' => (IsoWeek(instant).Year % 100).ToString("00", culture),
                'H' => hour.ToString("00", culture),
                'I' => halfDay.ToString("00", culture),
                'j' => (dayOfYear + 1).ToString("000", culture),
                'J' => SqlNumber.General(instant / (double)SqliteTime.MillisecondsPerDay, 16),
                'k' => hour.ToString(culture).PadLeft(2),
                'l' => halfDay.ToString(culture).PadLeft(2),
                'm' => month.ToString("00", culture),
                'M' => minute.ToString("00", culture),
                'p' => hour >= 12 ? "PM" : "AM",
                'P' => hour >= 12 ? "pm" : "am",
                'R' => string.Create(culture, $"{hour:00}:{minute:00}"),
                's' when subsecond => ((instant - SqliteTime.UnixEpoch) / 1000.0).ToString("0.000", culture),
                's' => ((long)Math.Floor((instant - SqliteTime.UnixEpoch) / 1000.0)).ToString(culture),
                'S' => second.ToString("00", culture),
                'T' => string.Create(culture, $"{hour:00}:{minute:00}:{second:00}"),
                'u' => (weekday == 0 ? 7 : weekday).ToString(culture),
                'U' => ((dayOfYear + 7 - weekday) / 7).ToString("00", culture),
                'V' => IsoWeek(instant).Week.ToString("00", culture),
                'w' => weekday.ToString(culture),
                'W' => ((dayOfYear + 7 - (weekday + 6) % 7) / 7).ToString("00", culture),
                'Y' => date[..^6],
                _ => null,
            };
            if (part is null)
                return null;
            target.Append(part);
        }
        return target.ToString();
    }

    // The week belongs to the year that its Thursday is in.
    private static (long Year, long Week) IsoWeek(long instant)
    {
        var thursday = instant + (3 - (SqliteTimeModifier.WeekdayOf(instant) + 6) % 7) * SqliteTime.MillisecondsPerDay;
        var (year, _, _, _) = SqliteTime.Split(thursday);
        return (year, (thursday - SqliteTime.FromDate(year, 1, 1)) / SqliteTime.MillisecondsPerDay / 7 + 1);
    }
}
