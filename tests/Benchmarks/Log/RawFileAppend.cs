using System.Diagnostics;

namespace TopGun.Buckets.Tests.Benchmarks.Log;

/// <summary>The limit of a log: as many bytes, written one after the other to a file and brought to the disk in equal parts.</summary>
internal static class RawFileAppend
{
    /// <returns>Seconds until the last part is on the disk.</returns>
    public static double Seconds(string folder, long bytes, int parts)
    {
        var path = Path.Combine(folder, "raw");
        var part = new byte[Math.Max(1, bytes / parts)];
        new Random(7).NextBytes(part);
        var start = Stopwatch.GetTimestamp();
        using (var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write))
        {
            for (var number = 0; number < parts; number++)
            {
                RandomAccess.Write(file, part, (long)number * part.Length);
                RandomAccess.FlushToDisk(file);
            }
        }
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        File.Delete(path);
        return seconds;
    }
}
