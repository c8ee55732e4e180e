using System.Globalization;
using System.Runtime.InteropServices;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Properties;

/// <summary>
/// What a piece of work costs: memory allocated, and processor time of its own thread, which waiting does not change. Since a processor that is slow,
/// or shared with others, takes longer for everything, the time is that of a processor which does a fixed piece of work in a fixed time.
/// </summary>
internal static class Effort
{
    private const int ThreadCpuTime = 3; // CLOCK_THREAD_CPUTIME_ID

    // The first runs include compilation by the runtime, and some are disturbed by others.
    private const int MaxRuns = 8;

    private static readonly TimeSpan UsualTimeOfFixedWork = TimeSpan.FromMilliseconds(5);

    /// <summary>The cheapest of several runs; a run within the limit is enough.</summary>
    /// <param name="work">Has no effects, so it can be repeated.</param>
    /// <param name="limit">Processor time; where it cannot be measured it counts as none.</param>
    public static (TimeSpan Time, long Bytes) Of(Action work, TimeSpan limit)
    {
        var (time, bytes) = Measure(work);
        for (var run = 1; run < MaxRuns && time > limit; run++)
        {
            var slowness = Math.Max(1, Measure(FixedWork).Time / UsualTimeOfFixedWork);
            var again = Measure(work);
            time = again.Time / slowness < time ? again.Time / slowness : time;
            bytes = Math.Min(bytes, again.Bytes);
        }
        return (time, bytes);
    }

    private static (TimeSpan Time, long Bytes) Measure(Action work)
    {
        var time = ThreadTime();
        var bytes = GC.GetAllocatedBytesForCurrentThread();
        work();
        bytes = GC.GetAllocatedBytesForCurrentThread() - bytes;
        return (ThreadTime() - time, bytes);
    }

    // Small objects, hashing and comparing text: what compiling rules consists of.
    private static void FixedWork()
    {
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var number = 0; number < 60_000; number++)
            numbers[number.ToString(CultureInfo.InvariantCulture)] = number;
        GC.KeepAlive(numbers.Keys.Order(StringComparer.Ordinal).Take(10).ToList());
    }

    private static TimeSpan ThreadTime()
    {
        if (!OperatingSystem.IsLinux() || clock_gettime(ThreadCpuTime, out var now) != 0)
            return TimeSpan.Zero;
        return TimeSpan.FromSeconds(now.Seconds) + TimeSpan.FromMicroseconds(now.Nanoseconds / 1000.0);
    }

    [DllImport("libc")]
    private static extern int clock_gettime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct TimeSpec
    {
        public readonly nint Seconds;
        public readonly nint Nanoseconds;
    }
}
