using System.Globalization;
using System.Text;

namespace TopGun.Buckets.BucketLog;

/// <summary>What the steps of a start took, one after the other: for the log, and for whoever wonders what a start waits for.</summary>
/// <param name="time">The clock.</param>
public sealed class StepTimes(TimeProvider time)
{
    private readonly long _start = time.GetTimestamp();
    private readonly StringBuilder _steps = new();
    private long _stepStart = time.GetTimestamp();

    /// <summary>Milliseconds since it was made.</summary>
    public long Milliseconds => (long)time.GetElapsedTime(_start).TotalMilliseconds;

    /// <summary>Notes that a step has ended, and the next begins.</summary>
    public void End(string step)
    {
        var now = time.GetTimestamp();
        _steps.Append(_steps.Length == 0 ? "" : ", ")
            .Append(CultureInfo.InvariantCulture, $"{step} {time.GetElapsedTime(_stepStart, now).TotalMilliseconds:0}");
        _stepStart = now;
    }

    /// <summary>The steps with the milliseconds of each.</summary>
    public override string ToString() => _steps.ToString();
}
