using System.Globalization;

namespace TopGun.Buckets.Tests.Benchmarks.Measuring;

/// <summary>CPU time and memory of another process, read from /proc.</summary>
internal static class ProcessCpu
{
    // USER_HZ, the unit of the times in /proc/PID/stat, is fixed at 100 on Linux.
    private const double TicksPerSecond = 100;

    // Fields of /proc/PID/stat counted from the one after the command name.
    private const int UserTimeField = 11;
    private const int SystemTimeField = 12;

    /// <summary>User and system time so far; null when the process is gone.</summary>
    public static double? Seconds(int processId)
    {
        if (TryRead(processId, "stat") is not { } stat)
            return null;
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (Ticks(fields[UserTimeField]) + Ticks(fields[SystemTimeField])) / TicksPerSecond;
    }

    /// <summary>Resident memory at its highest, in MiB; null when the process is gone.</summary>
    public static double? PeakResidentMiB(int processId) => Status(processId, "VmHWM:");

    /// <summary>Resident memory now, in MiB; null when the process is gone.</summary>
    public static double? ResidentMiB(int processId) => Status(processId, "VmRSS:");

    private static double? Status(int processId, string name)
    {
        var line = TryRead(processId, "status")?.Split('\n').FirstOrDefault(text => text.StartsWith(name, StringComparison.Ordinal));
        return line is null ? null : Ticks(line[name.Length..].Replace("kB", "", StringComparison.Ordinal).Trim()) / 1024.0;
    }

    private static long Ticks(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    private static string? TryRead(int processId, string file)
    {
        try
        {
            return File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/{file}"));
        }
        catch (IOException)
        {
            return null; // it has ended
        }
    }
}
