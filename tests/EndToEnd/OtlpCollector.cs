using System.Net;
using System.Text;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>Takes what an OpenTelemetry exporter sends. Names are plain text in its protobuf messages, so they are looked for as such.</summary>
internal sealed class OtlpCollector : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<string, StringBuilder> _received = [];
    private readonly Task _running;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private OtlpCollector(string address)
    {
        Address = address;
        _listener.Prefixes.Add(address);
        _listener.Start();
        _running = RunAsync();
    }

    public string Address { get; }

    /// <summary>What makes a service send here, soon.</summary>
    public IEnumerable<(string Name, string Value)> Settings =>
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", Address),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
    ];

    public static OtlpCollector Start() => new($"http://127.0.0.1:{FreePort.Next()}/");

    /// <summary>Waits until this was sent to a path.</summary>
    public async Task WaitForAsync(string path, string text)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Patience.Limit);
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (_received.TryGetValue(path, out var received) && received.ToString().Contains(text, StringComparison.Ordinal))
                    return;
                changed = _changed.Task;
            }
            await changed.WaitAsync(deadline.Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Close();
        await _running;
    }

    private async Task RunAsync()
    {
        while (true)
        {
            try
            {
                var context = await _listener.GetContextAsync();
                using var reader = new StreamReader(context.Request.InputStream, Encoding.Latin1);
                Take(context.Request.Url!.AbsolutePath, await reader.ReadToEndAsync());
                context.Response.Close();
            }
            catch (Exception failure) when (failure is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }
        }
    }

    private void Take(string path, string body)
    {
        lock (_gate)
        {
            if (!_received.TryGetValue(path, out var received))
                _received.Add(path, received = new StringBuilder());
            received.Append(body);
            _changed.TrySetResult();
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }
}
