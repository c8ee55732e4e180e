namespace TopGun.Buckets.SyncRules.Functions;

/// <summary>A time value on its way through the modifiers.</summary>
internal struct SqliteTimeValue
{
    /// <summary>The instant, a number being a Julian day.</summary>
    public long Instant;

    /// <summary>The number that was given, while no modifier has read it otherwise: <c>unixepoch</c> and <c>auto</c> do.</summary>
    public double? Number;

    /// <summary>Set by <c>subsec</c>.</summary>
    public bool HasSubsecond;

    /// <summary>By how many days the last date that was named missed its month, as February 31: what <c>floor</c> takes back.</summary>
    public int DaysPastMonth;

    /// <summary>Whether the date is still the one that a text named, which months then count from even where its month is too short for the day.</summary>
    public bool IsAsNamed;

    /// <summary>Calendar parts.</summary>
    public readonly (long Year, int Month, int Day, long Milliseconds) Split()
    {
        var daysPast = IsAsNamed ? DaysPastMonth : 0;
        var (year, month, day, milliseconds) = SqliteTime.Split(Instant - daysPast * SqliteTime.MillisecondsPerDay);
        return (year, month, day + daysPast, milliseconds);
    }

    public void SetDate(long year, int month, int day)
    {
        Instant = SqliteTime.FromDate(year, month, day);
        DaysPastMonth = Math.Max(0, day - Calendar.DaysIn(year, month));
    }

    /// <summary>Moves by whole months; a day that the month does not have counts on into the next.</summary>
    public void AddMonths(long months)
    {
        var (year, month, day, rest) = Split();
        var total = year * 12 + month - 1 + months;
        var shiftedYear = total >= 0 ? total / 12 : (total - 11) / 12;
        SetDate(shiftedYear, (int)(total - shiftedYear * 12) + 1, day);
        Instant += rest;
    }
}
