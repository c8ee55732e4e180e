using System.Globalization;

namespace TopGun.Buckets.Tests.Torture.Checks;

/// <summary>What a process has taken of the machine.</summary>
internal readonly record struct ProcessSize(long MemoryBytes, int Handles)
{
    /// <summary>Looks at a process; null when it is not there.</summary>
    public static ProcessSize? Of(int processId)
    {
        var folder = string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}");
        try
        {
            var resident = File.ReadLines($"{folder}/status").FirstOrDefault(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
            return resident is null
                ? null // has ended, and nobody has taken note
                : new ProcessSize(
                    1024 * long.Parse(resident.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture),
                    Directory.EnumerateFileSystemEntries($"{folder}/fd").Count());
        }
        catch (IOException)
        {
            return null;
        }
    }
}

/// <summary>No process grows beyond what its work explains.</summary>
internal sealed class ResourceChecker(Findings findings)
{
    /// <summary>Of the service with its RAM for hot buckets, or of an app: far more than the runs need, far less than a leak takes in minutes.</summary>
    public static readonly ProcessSize Limit = new(MemoryBytes: 1L << 30, Handles: 1000);

    public ProcessSize Largest { get; private set; }

    public void Observe(string process, ProcessSize size)
    {
        findings.Looked("resources");
        Largest = new ProcessSize(Math.Max(Largest.MemoryBytes, size.MemoryBytes), Math.Max(Largest.Handles, size.Handles));
        if (size.MemoryBytes > Limit.MemoryBytes)
            findings.Add(Verdict.ResourceLimit, string.Create(CultureInfo.InvariantCulture, $"{process} takes {size.MemoryBytes >> 20} MiB."));
        if (size.Handles > Limit.Handles)
            findings.Add(Verdict.ResourceLimit, string.Create(CultureInfo.InvariantCulture, $"{process} has {size.Handles} file handles open."));
    }
}
