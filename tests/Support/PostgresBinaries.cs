using System.Diagnostics;
using System.Globalization;

namespace TopGun.Buckets.Tests.Support;

/// <summary>Where the Postgres server programs of this machine are, and the account they may run under.</summary>
internal sealed class PostgresBinaries
{
    private static readonly Lazy<PostgresBinaries?> Found = new(() =>
        Environment.GetEnvironmentVariable("TOPGUN_TEST_POSTGRES_MAJOR") is { Length: > 0 } major
            ? OfVersion(int.Parse(major, CultureInfo.InvariantCulture))
            : FindLocal());

    private readonly string _folder;
    private readonly string? _account;

    private PostgresBinaries(string folder, string? account)
    {
        _folder = folder;
        _account = account;
    }

    /// <summary>The programs of this machine, or of the version in <c>TOPGUN_TEST_POSTGRES_MAJOR</c>; null when there are none that can be run.</summary>
    public static PostgresBinaries? Local => Found.Value;

    /// <summary>The programs of a version: those of this machine if they are of it, else those that <c>tests/run</c> fetched; null when there are none.</summary>
    public static PostgresBinaries? OfVersion(int major)
    {
        if (FindLocal() is { } local && local.Major == major)
            return local;
        if (Environment.GetEnvironmentVariable("TOPGUN_TEST_POSTGRES_VERSIONS") is not { Length: > 0 } versions)
            return null;
        return At(Path.Combine(versions, "node_modules", string.Create(CultureInfo.InvariantCulture, $"postgres-{major}"), "native", "bin"));
    }

    /// <summary>Major version, such as 15.</summary>
    public int Major => int.Parse(
        Run(Command(this["postgres"], "--version")).Split(' ')[2].Split('.')[0], CultureInfo.InvariantCulture); // postgres (PostgreSQL) 15.18 (Debian …)

    /// <summary>Full path of one of the server's programs.</summary>
    public string this[string program] => Path.Combine(_folder, program);

    /// <summary>A process that runs under an account the server accepts: it refuses to run as root.</summary>
    public ProcessStartInfo Command(string program, params string[] arguments)
    {
        // setpriv replaces itself by the program, so a pipe to it is a pipe to the program.
        string[] prefix = _account is null
            ? []
            : ["setpriv", "--reuid", _account, "--regid", _account, "--init-groups", "--"];
        string[] line = [.. prefix, program, .. arguments];
        var command = new ProcessStartInfo(line[0], line[1..])
        {
            UseShellExecute = false,
            WorkingDirectory = "/",
        };
        // Programs that were not installed by the system bring their libraries along.
        var libraries = Path.Combine(_folder, "..", "lib");
        if (File.Exists(Path.Combine(libraries, "libpq.so.5")))
            command.Environment["LD_LIBRARY_PATH"] = Path.GetFullPath(libraries);
        return command;
    }

    /// <summary>Makes a folder that the server's account owns.</summary>
    public string CreateFolder()
    {
        // Directly under the temporary folder, short: the path of a Unix socket has 107 bytes at most.
        var folder = Directory.CreateTempSubdirectory("topgun-pg-").FullName;
        GiveToServer(folder);
        return folder;
    }

    /// <summary>Makes the server's account the owner of a file or folder.</summary>
    public void GiveToServer(string path)
    {
        if (_account is not null)
            Run(new ProcessStartInfo("chown", [_account, path]));
    }

    /// <summary>Runs a command to its end.</summary>
    /// <returns>What it printed.</returns>
    /// <exception cref="InvalidOperationException">It failed; the message has what it said.</exception>
    public static string Run(ProcessStartInfo command)
    {
        command.RedirectStandardOutput = true;
        command.RedirectStandardError = true;
        using var process = Process.Start(command)
            ?? throw new InvalidOperationException($"{command.FileName} did not start.");
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException(string.Create(
                CultureInfo.InvariantCulture, $"{command.FileName} ended with {process.ExitCode}: {errors.Result}{output}"));
    }

    private static PostgresBinaries? FindLocal() => Candidates().Select(At).FirstOrDefault(found => found is not null);

    private static PostgresBinaries? At(string folder)
    {
        if (OperatingSystem.IsWindows() || !File.Exists(Path.Combine(folder, "initdb")) || !File.Exists(Path.Combine(folder, "postgres")))
            return null;
        if (Environment.UserName != "root")
            return new PostgresBinaries(folder, account: null);
        var accounts = File.ReadLines("/etc/passwd").Select(line => line.Split(':')[0]).ToHashSet();
        return accounts.Contains("postgres") ? new PostgresBinaries(folder, "postgres") : null;
    }

    private static IEnumerable<string> Candidates()
    {
        if (TryRun(new ProcessStartInfo("pg_config", ["--bindir"])) is { } bindir)
            yield return bindir.Trim();
        if (Directory.Exists("/usr/lib/postgresql"))
        {
            var versions = Directory.GetDirectories("/usr/lib/postgresql")
                .OrderByDescending(path => int.TryParse(Path.GetFileName(path), out var version) ? version : 0);
            foreach (var version in versions)
                yield return Path.Combine(version, "bin");
        }
        foreach (var folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator))
            yield return folder;
    }

    private static string? TryRun(ProcessStartInfo command)
    {
        try
        {
            return Run(command);
        }
        catch (Exception failure) when (failure is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            return null; // not installed: the next place is asked
        }
    }
}
