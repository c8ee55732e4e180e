using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace TopGun.Buckets.Quickstart;

/// <summary>Everything between Postgres and the devices: the demo's database, the service, and the backend that takes uploads.</summary>
internal sealed class DemoStack : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly ChildProcess _service;
    private readonly ChildProcess _backend;

    private DemoStack(DemoDatabase database, ChildProcess service, Uri serviceUrl, ChildProcess backend, Uri backendUrl)
    {
        Database = database;
        _service = service;
        ServiceUrl = serviceUrl;
        _backend = backend;
        BackendUrl = backendUrl;
    }

    public DemoDatabase Database { get; }

    public Uri ServiceUrl { get; }

    public Uri BackendUrl { get; }

    /// <summary>Starts all of it and waits until it can be used.</summary>
    public static async Task<DemoStack> StartAsync(string server, QuickstartOptions options, CancellationToken cancellationToken)
    {
        var database = await DemoDatabase.CreateAsync(server, options.SchemaPath, cancellationToken);
        var service = new Uri($"http://127.0.0.1:{FreePort()}");
        var backend = new Uri($"http://127.0.0.1:{FreePort()}");
        var environment = new Dictionary<string, string>
        {
            ["TOPGUN_SOURCE_URL"] = database.ConnectionString,
            ["TOPGUN_RULES"] = options.RulesPath,
            ["TOPGUN_STORE_PATH"] = Path.Combine(options.Folder, "store"),
            ["TOPGUN_LISTEN"] = service.ToString(),
            ["TOPGUN_JWT_SECRET"] = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32)),
            ["TOPGUN_JWT_AUDIENCE"] = "topgun-demo",
            ["DEMO_DATABASE"] = database.ConnectionString,
            ["DEMO_LISTEN"] = backend.ToString(),
            ["DEMO_SYNC_URL"] = service.ToString(),
        };
        var stack = new DemoStack(
            database,
            ChildProcess.Start("topgun", ["serve"], environment, options.Folder),
            service,
            ChildProcess.Start("demo-backend", [], environment, options.Folder),
            backend);
        try
        {
            await WaitAsync(stack._service, new Uri(service, "/probes/readiness"), cancellationToken);
            await WaitAsync(stack._backend, new Uri(backend, "/health"), cancellationToken);
            return stack;
        }
        catch
        {
            await stack.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _backend.DisposeAsync();
        await _service.DisposeAsync();
        await Database.DisposeAsync();
    }

    private static async Task WaitAsync(ChildProcess process, Uri probe, CancellationToken cancellationToken)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(StartLimit);
        while (!await AnswersAsync(http, probe, limit.Token))
        {
            if (process.HasExited || limit.IsCancellationRequested)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw new QuickstartException($"{probe} does not answer. Its log:\n{await File.ReadAllTextAsync(process.LogPath, cancellationToken)}");
            }
            await Task.Delay(50, cancellationToken);
        }
    }

    private static async Task<bool> AnswersAsync(HttpClient http, Uri probe, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await http.GetAsync(probe, cancellationToken);
            return response.StatusCode == HttpStatusCode.OK;
        }
        catch (Exception failure) when (failure is HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
