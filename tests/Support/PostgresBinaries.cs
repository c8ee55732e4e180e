using System.Diagnostics;
using System.Globalization;

namespace TopGun.Buckets.Tests.Support;

/// <summary>Where the Postgres server programs of this machine are, and the account they may run under.</summary>
internal sealed class PostgresBinaries
{
    private static readonly Lazy<PostgresBinaries?> Found = new(Find);

    private readonly string _folder;
    private readonly string? _account;

    private PostgresBinaries(string folder, string? account)
    {
        _folder = folder;
        _account = account;
    }

    /// <summary>The programs, or null when this machine has none that can be run.</summary>
    public static PostgresBinaries? Local => Found.Value;

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
        return new ProcessStartInfo(line[0], line[1..])
        {
            UseShellExecute = false,
            WorkingDirectory = "/",
        };
    }

    /// <summary>Makes a folder that the server's account owns.</summary>
    public string CreateFolder()
    {
        // Directly under the temporary folder, short: the path of a Unix socket has 107 bytes at most.
        var folder = Directory.CreateTempSubdirectory("topgun-pg-").FullName;
        if (_account is not null)
            Run(new ProcessStartInfo("chown", [_account, folder]));
        return folder;
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

    private static PostgresBinaries? Find()
    {
        var folder = Candidates().FirstOrDefault(candidate =>
            File.Exists(Path.Combine(candidate, "initdb")) && File.Exists(Path.Combine(candidate, "postgres")));
        if (folder is null || OperatingSystem.IsWindows())
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
