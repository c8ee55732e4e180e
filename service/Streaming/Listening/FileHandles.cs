using System.Globalization;

namespace TopGun.Buckets.Streaming.Listening;

/// <summary>
/// Whether this process has file handles to spare. Unix gives the lowest number that is free, so the number of a handle opened now tells how many are left at
/// most.
/// </summary>
/// <param name="limit">Handles that the process may have.</param>
/// <param name="lowestFree">The lowest number that is free; null when there is none.</param>
internal sealed class FileHandles(long limit, Func<long?> lowestFree)
{
    private const int Reserve = 32; // for the files that the store opens next and for connections to the source

    /// <summary>Handles that the process may have.</summary>
    public long Limit => limit;

    public static FileHandles OfThisProcess() => OperatingSystem.IsLinux() && ReadLimit() is { } limit
        ? new FileHandles(limit, LowestFree)
        : new FileHandles(long.MaxValue, static () => 0);

    public bool AreShort() => lowestFree() is not { } number || number >= limit - Reserve;

    private static long? LowestFree()
    {
        try
        {
            using var probe = File.OpenHandle("/dev/null");
            return probe.DangerousGetHandle();
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static long? ReadLimit()
    {
        try
        {
            const string Name = "Max open files";
            var line = File.ReadLines("/proc/self/limits").FirstOrDefault(static line => line.StartsWith(Name, StringComparison.Ordinal));
            var soft = line?[Name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
            return long.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) ? limit : null; // or "unlimited"
        }
        catch (IOException)
        {
            return null; // no /proc here
        }
    }
}
