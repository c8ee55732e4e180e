using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Source;
using TopGun.Buckets.Tests.Support;

namespace TopGun.Buckets.Tests.Benchmarks.Service;

/// <summary><c>topgun serve</c> as a process of its own, as it was built with this benchmark, on an embedded store in a temporary folder.</summary>
internal sealed class ServiceProcess : IAsyncDisposable
{
    /// <summary>Slots of the service's start so.</summary>
    public const string SlotPrefix = "topgun";

    /// <summary>Opens the operator API of these services.</summary>
    public const string ApiToken = "benchmark-operator";

    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(15);

    private readonly Process _process;
    private readonly string _folder;
    private readonly HttpClient _operator = new();

    private ServiceProcess(Process process, string folder, Uri address, long startedAt)
    {
        _process = process;
        _folder = folder;
        Address = address;
        StartedAt = startedAt;
    }

    public Uri Address { get; }

    public int ProcessId => _process.Id;

    /// <summary>When the process was started, as a <see cref="Stopwatch"/> timestamp.</summary>
    public long StartedAt { get; }

    private string LogFile => Path.Combine(_folder, "log");

    /// <summary>Starts the service with an empty store.</summary>
    /// <param name="source">Where its rows come from.</param>
    /// <param name="store">Backend of its store, as its settings name it.</param>
    /// <param name="settings">Further settings, or others.</param>
    public static ServiceProcess Start(BenchmarkSource source, string store, params (string Name, string Value)[] settings)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "topgun");
        if (!File.Exists(program))
            throw new InvalidOperationException($"The service is not built: there is no {program}.");

        var folder = Directory.CreateTempSubdirectory("topgun-benchmark-").FullName;
        File.WriteAllText(Path.Combine(folder, "rules.yaml"), BenchmarkData.Rules);
        var address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{FreePort.Next()}/"));

        // Its output goes to a file: a pipe that nobody reads in time would hold it up.
        var command = new ProcessStartInfo("/bin/sh", ["-c", "exec \"$0\" serve >\"$1\" 2>&1", program, Path.Combine(folder, "log")])
        {
            UseShellExecute = false,
            WorkingDirectory = folder,
        };
        foreach (var (name, value) in Settings(source, store, folder, address))
            command.Environment[name] = value;
        foreach (var (name, value) in settings)
            command.Environment[name] = value;

        var startedAt = Stopwatch.GetTimestamp();
        var process = Process.Start(command) ?? throw new InvalidOperationException("/bin/sh did not start.");
        return new ServiceProcess(process, folder, address, startedAt);
    }

    /// <summary>Holds the process where it is.</summary>
    public void Hold() => Signal("STOP");

    public void Resume() => Signal("CONT");

    public double CpuSeconds() => ProcessCpu.Seconds(ProcessId) ?? throw Ended();

    public double PeakResidentMiB() => ProcessCpu.PeakResidentMiB(ProcessId) ?? throw Ended();

    /// <summary>How many streams are open, as its operator sees them.</summary>
    public async Task<int> OpenSessionsAsync(CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(Address, "api/admin/v1/status"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", ApiToken);
        using var response = await _operator.SendAsync(request, cancellationToken);
        response.EnsureSuccessStatusCode();
        using var status = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken));
        return status.RootElement.GetProperty("data").GetProperty("sessions").GetProperty("open").GetInt32();
    }

    public void ThrowIfEnded()
    {
        if (_process.HasExited)
            throw Ended();
    }

    /// <summary>Waits for something that reads from the service; when that fails because the service has ended, says so with its last words.</summary>
    public async Task WhileRunningAsync(Task reading)
    {
        try
        {
            await reading;
        }
        catch (IOException) when (_process.WaitForExit(TimeSpan.FromSeconds(1)))
        {
            throw Ended();
        }
    }

    /// <summary>Asks the process to end, and ends it when it does not.</summary>
    /// <exception cref="InvalidOperationException">It had to be killed, or failed.</exception>
    public async Task StopAsync()
    {
        ThrowIfEnded();
        Resume(); // a held process does not notice that it should end
        Signal("TERM");
        using var limit = new CancellationTokenSource(StopLimit);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            throw new InvalidOperationException($"The service did not end within {StopLimit.TotalSeconds} s of SIGTERM.");
        }
        if (_process.ExitCode != 0)
            throw Ended();
    }

    /// <summary>Ends the process without asking.</summary>
    public async Task KillAsync()
    {
        ThrowIfEnded();
        _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }
        _process.Dispose();
        _operator.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static Dictionary<string, string> Settings(BenchmarkSource source, string store, string folder, Uri address) => new()
    {
        ["TOPGUN_SOURCE_URL"] = source.Uri,
        ["TOPGUN_RULES"] = Path.Combine(folder, "rules.yaml"),
        ["TOPGUN_PUBLICATION"] = BenchmarkData.Publication,
        ["STORAGE_BACKEND"] = store,
        ["TOPGUN_STORE_PATH"] = Path.Combine(folder, "store"),
        ["TOPGUN_LISTEN"] = address.GetLeftPart(UriPartial.Authority),
        ["TOPGUN_API_TOKEN"] = ApiToken,
        ["TOPGUN_MAX_BUCKETS"] = "1000000", // how many a client has is for the benchmark to say
        ["TOPGUN_JWT_SECRET"] = ClientToken.Secret,
        ["TOPGUN_JWT_KID"] = ClientToken.KeyId,
        ["TOPGUN_JWT_AUDIENCE"] = ClientToken.Audience,
    };

    private InvalidOperationException Ended()
    {
        var log = File.Exists(LogFile) ? File.ReadAllText(LogFile) : "";
        return new InvalidOperationException($"The service has ended with {_process.ExitCode}. {log[Math.Max(0, log.Length - 4000)..]}");
    }

    private void Signal(string signal)
    {
        using var kill = Process.Start("kill", ["-" + signal, ProcessId.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }
}
