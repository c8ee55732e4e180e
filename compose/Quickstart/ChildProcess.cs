using System.Diagnostics;
using System.Globalization;

namespace TopGun.Buckets.Quickstart;

/// <summary>One of our own programs, run from this program's folder; its output goes to a file.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(10);

    private readonly Process _process;
    private readonly Task _copying;

    private ChildProcess(Process process, string logPath)
    {
        _process = process;
        LogPath = logPath;
        _copying = CopyAsync(process, logPath);
    }

    /// <summary>Where its output is.</summary>
    public string LogPath { get; }

    public bool HasExited => _process.HasExited;

    /// <summary>Starts <c>dotnet program.dll arguments</c>.</summary>
    public static ChildProcess Start(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment, string folder)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, $"{program}.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        return new ChildProcess(process, Path.Combine(folder, $"{program}.log"));
    }

    /// <summary>Asks the program to end, and ends it when it does not.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            using var signal = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
            using var limit = new CancellationTokenSource(StopLimit);
            try
            {
                await _process.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill(entireProcessTree: true);
            }
        }
        await _copying;
        _process.Dispose();
    }

    private static async Task CopyAsync(Process process, string path)
    {
        await using var log = new StreamWriter(path) { AutoFlush = true };
        var gate = TextWriter.Synchronized(log);
        await Task.WhenAll(CopyLinesAsync(process.StandardOutput, gate), CopyLinesAsync(process.StandardError, gate));
    }

    private static async Task CopyLinesAsync(StreamReader lines, TextWriter log)
    {
        while (await lines.ReadLineAsync() is { } line)
            await log.WriteLineAsync(line);
    }
}
