using System.Globalization;

namespace TopGun.Buckets.Replication;

/// <summary>How much WAL a slot holds back at the source, and how much it may.</summary>
/// <param name="HeldBytes">What it holds back now.</param>
/// <param name="LimitBytes">What it may hold back before it is lost or given up; null when nothing limits it.</param>
/// <param name="Left">Time until the limit at the present pace; null when what is held does not grow, or nothing limits it.</param>
public sealed record SlotBudget(long HeldBytes, long? LimitBytes, TimeSpan? Left = null)
{
    /// <summary>Part of the limit that is used, from 0 to 1.</summary>
    public double Used => LimitBytes switch
    {
        null => 0,
        <= 0 => 1,
        var limit => Math.Clamp((double)HeldBytes / limit.Value, 0, 1),
    };

    /// <summary>What the server says of a slot.</summary>
    /// <param name="slot">The slot.</param>
    /// <param name="ownLimitBytes">Our own limit beside the server's, or null.</param>
    public static SlotBudget Of(SlotStatus slot, long? ownLimitBytes = null)
    {
        // The server keeps whole segments and rounds up: what it says is left is exact, what it was told to keep is not.
        var held = slot.HeldBytes ?? 0;
        long? limit = slot.SafeWalSize is { } safe ? held + safe : null;
        return new SlotBudget(held, ownLimitBytes < (limit ?? long.MaxValue) ? ownLimitBytes : limit);
    }

    /// <summary>The same with the time left, by what was held some time ago.</summary>
    public SlotBudget Since(long heldBefore, TimeSpan elapsed) =>
        LimitBytes is { } limit && HeldBytes > heldBefore && elapsed > TimeSpan.Zero
            ? this with { Left = elapsed * Math.Min(Math.Max(limit - HeldBytes, 0) / (double)(HeldBytes - heldBefore), 1e6) }
            : this;

    /// <summary>For people: <c>holds back 120 MiB of WAL, 60 % of the 200 MiB that it may; …</c>.</summary>
    public override string ToString()
    {
        var part = LimitBytes is null ? "without a limit" : Invariant($"{Used * 100:0} % of the {LimitBytes >> 20} MiB that it may");
        var left = Left is { } time ? $"; at the present pace the rest lasts {Duration(time)}" : "";
        return Invariant($"holds back {HeldBytes >> 20} MiB of WAL, {part}{left}");
    }

    private static string Duration(TimeSpan time) => time switch
    {
        { TotalHours: >= 48 } => Invariant($"{time.TotalDays:0} days"),
        { TotalMinutes: >= 120 } => Invariant($"{time.TotalHours:0} hours"),
        { TotalSeconds: >= 120 } => Invariant($"{time.TotalMinutes:0} minutes"),
        _ => Invariant($"{time.TotalSeconds:0} seconds"),
    };

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
