using System.Diagnostics;
using System.Net;
using System.Text;
using Xunit;

namespace TopGun.Buckets.Tests.Support;

/// <summary>The built service as a child process on a port of its own, with its store in a temporary folder. It never outlives this process.</summary>
public sealed class ServiceProcess : IAsyncDisposable
{
    // For probes, which do not ask whether the certificate is good.
    private static readonly HttpClient Http = new(new HttpClientHandler
    {
        ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator,
    })
    {
        Timeout = TimeSpan.FromSeconds(5),
    };

    private readonly Dictionary<string, string> _environment;
    private readonly StringBuilder _log = new();
    private readonly string _folder;
    private SupervisedProcess? _process;

    /// <summary>Prepares a service; nothing is started yet.</summary>
    /// <param name="source">Database to replicate.</param>
    /// <param name="rules">Text of the sync rules.</param>
    /// <param name="environment">Settings over, or in place of, the usual ones.</param>
    public ServiceProcess(string source, string rules, params (string Name, string Value)[] environment)
    {
        _folder = Directory.CreateTempSubdirectory("topgun-service-").FullName;
        RulesPath = Path.Combine(_folder, "sync-rules.yaml");
        StorePath = Path.Combine(_folder, "store");
        var scheme = environment.Any(static setting => setting.Name == "TOPGUN_TLS_CERTIFICATE") ? "https" : "http";
        Url = new Uri($"{scheme}://127.0.0.1:{FreePort.Next()}");
        File.WriteAllText(RulesPath, rules);
        _environment = new Dictionary<string, string>
        {
            ["TOPGUN_SOURCE_URL"] = source,
            ["TOPGUN_RULES"] = RulesPath,
            ["TOPGUN_STORE_PATH"] = StorePath,
            ["TOPGUN_LISTEN"] = Url.ToString(),
            ["TOPGUN_JWT_SECRET"] = TestToken.DefaultSecret,
            ["TOPGUN_JWT_AUDIENCE"] = TestToken.DefaultAudience,
        };
        foreach (var (name, value) in environment)
            _environment[name] = value;
    }

    /// <summary>Where it listens; the same after a restart.</summary>
    public Uri Url { get; }

    public string RulesPath { get; }

    public string StorePath { get; }

    /// <summary>A command that it is started through, and that becomes it.</summary>
    public IReadOnlyList<string> Through { get; set; } = [];

    /// <summary>Everything it has printed, over all starts.</summary>
    public string Log
    {
        get
        {
            lock (_log)
                return _log.ToString();
        }
    }

    /// <summary>Whether it was started and has ended by itself.</summary>
    public bool HasExited => _process is { HasExited: true };

    /// <summary>Sets one setting for the next start.</summary>
    public void Configure(string name, string value) => _environment[name] = value;

    /// <summary>Starts it and waits until it is ready to serve.</summary>
    public async Task StartAsync()
    {
        Launch();
        await WaitUntilReadyAsync();
    }

    /// <summary>Starts it without waiting for anything.</summary>
    public void Launch()
    {
        _process = SupervisedProcess.Start("topgun", ["serve"], _environment, line =>
        {
            lock (_log)
                _log.AppendLine(line);
        }, Through);
    }

    /// <summary>Waits until the readiness probe says yes.</summary>
    public async Task WaitUntilReadyAsync()
    {
        var started = Stopwatch.GetTimestamp();
        while (await ProbeAsync("readiness") != HttpStatusCode.OK)
        {
            Assert.True(_process is { HasExited: false }, $"The service ended before it was ready:\n{Log}");
            Assert.True(Stopwatch.GetElapsedTime(started) < Patience.Limit, $"The service is not ready after {Patience.Limit.TotalSeconds} s:\n{Log}");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Waits until it has logged this.</summary>
    public async Task WaitForLogAsync(string text)
    {
        var started = Stopwatch.GetTimestamp();
        while (!Log.Contains(text, StringComparison.Ordinal))
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < Patience.Limit, $"'{text}' was not logged within {Patience.Limit.TotalSeconds} s:\n{Log}");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Status of a probe, or null while nobody listens.</summary>
    public async Task<HttpStatusCode?> ProbeAsync(string probe)
    {
        try
        {
            using var response = await Http.GetAsync(new Uri(Url, $"/probes/{probe}"), TestContext.Current.CancellationToken);
            return response.StatusCode;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    /// <summary>Asks it to end (SIGTERM).</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> StopAsync()
    {
        await Running.SignalAsync("TERM");
        return await WaitForExitAsync();
    }

    /// <summary>Its process id.</summary>
    public Task<int> ProcessIdAsync() => Running.ProcessIdAsync();

    /// <summary>Sends a signal, such as <c>STOP</c>, and waits for nothing.</summary>
    public Task SignalAsync(string signal) => Running.SignalAsync(signal);

    /// <summary>Ends it without asking (SIGKILL).</summary>
    public async Task KillAsync()
    {
        await Running.SignalAsync("KILL");
        await WaitForExitAsync();
    }

    /// <summary>Waits until it has ended; running out of patience is a failure.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> WaitForExitAsync()
    {
        var process = Running;
        int code;
        try
        {
            code = await process.WaitForExitAsync();
        }
        catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            Assert.Fail($"The service has not ended after {Patience.Limit.TotalSeconds} s:\n{Log}");
            throw;
        }
        await process.DisposeAsync();
        _process = null;
        return code;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
            await _process.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private SupervisedProcess Running => _process ?? throw new InvalidOperationException("The service was not started.");
}
