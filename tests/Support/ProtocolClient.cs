using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Xunit;

namespace TopGun.Buckets.Tests.Support;

/// <summary>
/// A client at the level of protocol lines. It keeps its buckets over lost connections, as a device does, and trusts nothing: whatever
/// breaks the protocol is kept in <see cref="Violations"/>.
/// </summary>
public sealed partial class ProtocolClient : IAsyncDisposable
{
    private static readonly TimeSpan ReconnectDelay = TimeSpan.FromMilliseconds(25);

    private readonly Lock _gate = new();
    private readonly HttpClient _http;
    private readonly TestToken _token;
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<string> _violations = [];
    private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _running = Task.CompletedTask;

    /// <summary>Prepares a client of one user; nothing is sent yet.</summary>
    public ProtocolClient(Uri service, string user, OpHistory? history = null)
    {
        _http = new HttpClient { BaseAddress = service, Timeout = Timeout.InfiniteTimeSpan };
        _token = new TestToken { Subject = user };
        _history = history ?? new OpHistory();
        User = user;
        ClientId = Guid.NewGuid().ToString();
    }

    public string User { get; }

    public string ClientId { get; }

    /// <summary>Parameters of the connection, for rules that read them.</summary>
    public JsonObject Parameters { get; init; } = [];

    /// <summary>Told every checkpoint that is completed, in order.</summary>
    public Action<ClientView>? Completed { get; init; }

    /// <summary>What went against the protocol, in sentences.</summary>
    public IReadOnlyList<string> Violations
    {
        get
        {
            lock (_gate)
                return [.. _violations];
        }
    }

    /// <summary>Connects, and connects again whenever the stream ends, until disposed.</summary>
    public ProtocolClient Start()
    {
        _running = RunAsync(_stopping.Token);
        return this;
    }

    /// <summary>Waits until a completed checkpoint meets a condition; a protocol violation is a failure, and so is running out of patience.</summary>
    public async Task<ClientView> WaitAsync(Func<ClientView, bool> condition, string what)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Patience.Limit);
        while (true)
        {
            ClientView? view;
            Task next;
            lock (_gate)
            {
                view = View();
                next = _next.Task;
            }
            var violations = Violations;
            Assert.True(violations.Count == 0, string.Join('\n', violations)); // in full: a collection's own print is cut short
            if (view is not null && condition(view))
                return view;
            try
            {
                await next.WaitAsync(limit.Token);
            }
            catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
            {
                Assert.Fail($"{User} did not see within {Patience.Limit.TotalSeconds} s: {what}. {Describe(view)}");
            }
        }
    }

    /// <summary>Waits until a row with a column of this value is visible.</summary>
    public Task<ClientView> WaitForAsync(string type, string column, string value) => WaitAsync(
        view => view.Rows.Any(row => row.Type == type && row[column] == value), $"a row of '{type}' with {column} = '{value}'");

    /// <summary>Asks for a write checkpoint.</summary>
    public async Task<ulong> RequestWriteCheckpointAsync()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/write-checkpoint2.json?client_id={ClientId}");
        request.Headers.Authorization = new AuthenticationHeaderValue("Token", _token.ToString());
        using var response = await _http.SendAsync(request, TestContext.Current.CancellationToken);
        response.EnsureSuccessStatusCode();
        var body = await response.Content.ReadFromJsonAsync<JsonObject>(TestContext.Current.CancellationToken);
        return ulong.Parse(body!["data"]!["write_checkpoint"]!.GetValue<string>(), CultureInfo.InvariantCulture);
    }

    /// <summary>Sends one request for a stream and returns the answer as soon as its headers are there.</summary>
    public async Task<HttpResponseMessage> OpenStreamAsync(CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/sync/stream") { Content = JsonContent.Create(RequestBody()) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Token", _token.ToString());
        return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        _stopping.Dispose();
        _http.Dispose();
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await ReadStreamAsync(cancellationToken);
                await Task.Delay(ReconnectDelay, cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception cut) when (cut is HttpRequestException or IOException or OperationCanceledException)
            {
                // The service is down, or was killed in the middle of a line: a device tries again.
                await Task.Delay(ReconnectDelay, CancellationToken.None);
            }
            catch (Exception broken) when (broken is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                Violate($"A line cannot be read: {broken.Message}");
                return;
            }
        }
    }

    private async Task ReadStreamAsync(CancellationToken cancellationToken)
    {
        using var response = await OpenStreamAsync(cancellationToken);
        if (response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.BadRequest)
            Violate($"The service refuses the request: {await response.Content.ReadAsStringAsync(cancellationToken)}");
        if (!response.IsSuccessStatusCode)
            return; // starting, or in its first snapshot

        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken));
        var target = new CheckpointTarget();
        while (await lines.ReadLineAsync(cancellationToken) is { } line)
        {
            // A killed service may leave half a line; only what ends with a line break counts, which ReadLine does not tell.
            if (!TryParse(line, out var message))
                return;
            using (message)
                Apply(message.RootElement, target);
        }
    }

    private static bool TryParse(string line, out JsonDocument message)
    {
        message = null!;
        try
        {
            message = JsonDocument.Parse(line);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private void Violate(string sentence)
    {
        lock (_gate)
        {
            _violations.Add($"{User}: {sentence}");
            Signal();
        }
    }

    private void Signal()
    {
        var next = _next;
        _next = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        next.SetResult();
    }

    private static string Describe(ClientView? view) => view is null
        ? "It has not completed any checkpoint."
        : string.Create(CultureInfo.InvariantCulture, $"It has {view.Rows.Count} rows at checkpoint {view.LastOpId}, write checkpoint {view.WriteCheckpoint}.");
}
