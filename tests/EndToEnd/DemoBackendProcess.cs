using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>The demo's backend in a process of its own: takes what devices upload.</summary>
internal sealed class DemoBackendProcess : IAsyncDisposable
{
    private readonly SupervisedProcess _process;
    private readonly Uri _url;

    private DemoBackendProcess(SupervisedProcess process, Uri url)
    {
        _process = process;
        _url = url;
    }

    public Uri Url => _url;

    public Uri UploadUrl => new(_url, "/upload");

    /// <summary>Starts it and waits until it answers.</summary>
    /// <param name="database">The app's database.</param>
    /// <param name="service">The service that it sends devices to.</param>
    public static async Task<DemoBackendProcess> StartAsync(PostgresDatabase database, Uri? service = null)
    {
        var url = new Uri($"http://127.0.0.1:{FreePort.Next()}");
        var backend = new DemoBackendProcess(
            SupervisedProcess.Start(
                "demo-backend",
                [],
                new Dictionary<string, string>
                {
                    ["DEMO_DATABASE"] = database.ConnectionString,
                    ["DEMO_LISTEN"] = url.ToString(),
                    ["DEMO_SYNC_URL"] = service?.ToString() ?? "http://127.0.0.1:8080",
                    ["TOPGUN_JWT_SECRET"] = TestToken.DefaultSecret,
                    ["TOPGUN_JWT_AUDIENCE"] = TestToken.DefaultAudience,
                }),
            url);
        try
        {
            await BadStart.UntilAsync(backend.AnswersAsync, "the backend answers");
            return backend;
        }
        catch
        {
            await backend.DisposeAsync();
            throw;
        }
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private async Task<bool> AnswersAsync()
    {
        using var http = new HttpClient();
        try
        {
            return (await http.GetAsync(new Uri(_url, "/health"), TestContext.Current.CancellationToken)).IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
