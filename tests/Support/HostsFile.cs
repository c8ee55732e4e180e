using System.Diagnostics;
using Xunit;

namespace TopGun.Buckets.Tests.Support;

/// <summary>What names mean to one process: a file of its own in place of <c>/etc/hosts</c>, which may change while it runs.</summary>
public sealed class HostsFile : IDisposable
{
    // In a mount namespace of its own, so that this machine's file stays as it is.
    private const string Script = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";

    private readonly string _path = Path.GetTempFileName();

    /// <summary>The command to start a process through.</summary>
    public IReadOnlyList<string> Through => Command(_path);

    /// <summary>Skips the running test where no process may have a file of its own.</summary>
    public static void SkipWithoutNamespaces()
    {
        using var attempt = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "\"$@\" 2>/dev/null", "sh", .. Command("/etc/hosts"), "true"]));
        attempt!.WaitForExit();
        Assert.SkipWhen(attempt.ExitCode != 0, "This machine lets no process have an /etc/hosts of its own (unshare --mount).");
    }

    /// <summary>Gives a name an address, in place of any before.</summary>
    public void Set(string name, string address) => File.WriteAllText(_path, $"{address} {name}\n"); // the same file: what is mounted is not looked up again

    public void Dispose() => File.Delete(_path);

    private static string[] Command(string path) => ["unshare", "--map-root-user", "--mount", "/bin/sh", "-c", Script, path];
}
