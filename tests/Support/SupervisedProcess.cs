using System.Diagnostics;
using System.Globalization;
using System.Text;
using Xunit;

namespace TopGun.Buckets.Tests.Support;

/// <summary>One of our own programs as a child process that never outlives this one.</summary>
/// <remarks>
/// The program is the child of a small shell that holds a pipe from this process. However this process ends, the pipe ends with it, and the shell
/// kills the program.
/// </remarks>
public sealed class SupervisedProcess : IAsyncDisposable
{
    private const string Watchdog =
        """
        exec 3<&0
        "$@" 3<&- </dev/null &
        program=$!
        echo "process $program"
        (read -r line <&3; kill -KILL "$program" 2>/dev/null) &
        switch=$!
        wait "$program"
        code=$?
        kill "$switch" 2>/dev/null
        exit "$code"
        """;


    private readonly Process _watchdog;
    private readonly Task _reading;
    private readonly StringBuilder _output = new();
    private readonly TaskCompletionSource<int> _processId = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Action<string>? _lineRead;

    private SupervisedProcess(Process watchdog, Action<string>? lineRead)
    {
        _watchdog = watchdog;
        _lineRead = lineRead;
        _reading = Task.WhenAll(ReadAsync(watchdog.StandardOutput), ReadAsync(watchdog.StandardError));
    }

    /// <summary>Everything it has printed.</summary>
    public string Output
    {
        get
        {
            lock (_output)
                return _output.ToString();
        }
    }

    public bool HasExited => _watchdog.HasExited;

    /// <summary>Starts <c>dotnet program.dll arguments</c> from the folder of the tests.</summary>
    /// <param name="program">Name of the assembly.</param>
    /// <param name="arguments">Arguments of the program.</param>
    /// <param name="environment">Variables over those of this process.</param>
    /// <param name="lineRead">Told each line that it prints.</param>
    /// <param name="through">A command that ends by becoming the one behind it.</param>
    public static SupervisedProcess Start(
        string program,
        IEnumerable<string> arguments,
        IEnumerable<KeyValuePair<string, string>> environment,
        Action<string>? lineRead = null,
        IReadOnlyList<string>? through = null) =>
        Start([.. through ?? [], "dotnet", Path.Combine(AppContext.BaseDirectory, $"{program}.dll"), .. arguments], environment, lineRead);

    /// <summary>Starts a program that needs no other to run it.</summary>
    /// <param name="path">Its file.</param>
    /// <param name="arguments">Arguments of the program.</param>
    /// <param name="environment">Variables over those of this process.</param>
    public static SupervisedProcess StartExecutable(
        string path, IEnumerable<string> arguments, IEnumerable<KeyValuePair<string, string>> environment) =>
        Start([path, .. arguments], environment, lineRead: null);

    private static SupervisedProcess Start(string[] command, IEnumerable<KeyValuePair<string, string>> environment, Action<string>? lineRead)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", Watchdog, "watchdog", .. command])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        var process = Process.Start(start) ?? throw new InvalidOperationException("/bin/sh did not start.");
        return new SupervisedProcess(process, lineRead);
    }

    /// <summary>The program's process id, once it has been started.</summary>
    public Task<int> ProcessIdAsync() => _processId.Task;

    /// <summary>Sends a signal, such as <c>TERM</c>.</summary>
    public async Task SignalAsync(string signal)
    {
        var id = (await _processId.Task).ToString(CultureInfo.InvariantCulture);
        using var kill = Process.Start("kill", [$"-{signal}", id]);
        await kill.WaitForExitAsync();
    }

    /// <summary>Waits until it has ended; running out of patience is a failure.</summary>
    /// <param name="patience">For a program that itself waits for others; <see cref="Patience.Limit"/> by default.</param>
    /// <returns>Its exit code.</returns>
    public async Task<int> WaitForExitAsync(TimeSpan? patience = null)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(patience ?? Patience.Limit);
        await _watchdog.WaitForExitAsync(limit.Token);
        await _reading;
        return _watchdog.ExitCode;
    }

    /// <summary>Kills it if it still runs.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_watchdog.HasExited)
        {
            _watchdog.StandardInput.Close();
            await _watchdog.WaitForExitAsync();
        }
        await _reading;
        _watchdog.Dispose();
    }

    private async Task ReadAsync(StreamReader lines)
    {
        while (await lines.ReadLineAsync() is { } line)
        {
            if (line.StartsWith("process ", StringComparison.Ordinal) && !_processId.Task.IsCompleted)
            {
                _processId.SetResult(int.Parse(line.AsSpan(8), CultureInfo.InvariantCulture));
                continue;
            }
            _lineRead?.Invoke(line);
            lock (_output)
                _output.AppendLine(line);
        }
    }
}
