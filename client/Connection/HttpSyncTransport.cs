using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace TopGun.Buckets.Client;

/// <summary>Reaches the service over HTTP: one streaming response for the lines, small requests for write checkpoints.</summary>
/// <param name="http">Sends the requests. Its timeout must be infinite, because the stream is one request.</param>
/// <param name="endpoint">Address of the service.</param>
public sealed class HttpSyncTransport(HttpClient http, Uri endpoint) : ISyncTransport
{
    /// <summary>Bytes read from the response at a time: a whole line of usual size.</summary>
    private const int ReadSize = 64 * 1024;

    /// <summary>A client that suits the stream.</summary>
    public static HttpClient CreateClient() => new(new SocketsHttpHandler
    {
        AutomaticDecompression = DecompressionMethods.GZip,
        ConnectTimeout = TimeSpan.FromSeconds(15),
        PooledConnectionLifetime = TimeSpan.FromMinutes(10), // a changed address is noticed at the next reconnect
    })
    {
        Timeout = Timeout.InfiniteTimeSpan,
        DefaultRequestVersion = HttpVersion.Version20,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
    };

    /// <summary>Sends the requests.</summary>
    internal HttpClient Client => http;

    /// <summary>Address of the service, unless credentials name another.</summary>
    internal Uri Endpoint => endpoint;

    /// <inheritdoc/>
    public Task<PipeReader> OpenStreamAsync(ReadOnlyMemory<byte> request, SyncCredentials credentials, CancellationToken cancellationToken) =>
        PostLinesAsync("sync/stream", request, credentials, cancellationToken);

    /// <summary>Posts a request that is answered with lines.</summary>
    internal async Task<PipeReader> PostLinesAsync(
        string path, ReadOnlyMemory<byte> request, SyncCredentials credentials, CancellationToken cancellationToken)
    {
        var content = new ReadOnlyMemoryContent(request);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var message = Message(HttpMethod.Post, path, credentials);
        message.Content = content;
        message.Headers.Accept.ParseAdd("application/x-ndjson");

        var response = await SendAsync(message, cancellationToken);
        try
        {
            var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
            return Reader(new ResponseStream(response, stream));
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task<ulong> RequestWriteCheckpointAsync(string clientId, SyncCredentials credentials, CancellationToken cancellationToken)
    {
        using var message = Message(HttpMethod.Get, $"write-checkpoint2.json?client_id={Uri.EscapeDataString(clientId)}", credentials);
        using var response = await SendAsync(message, cancellationToken);
        try
        {
            await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
            using var document = await JsonDocument.ParseAsync(stream, cancellationToken: cancellationToken);
            var value = document.RootElement.GetProperty("data").GetProperty("write_checkpoint");
            return ulong.Parse(
                value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText(), NumberStyles.None, CultureInfo.InvariantCulture);
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException
            or OverflowException or HttpRequestException or IOException)
        {
            throw new TransportException("The answer to a write checkpoint request cannot be read.", cause: exception);
        }
    }

    /// <summary>Reads a stream of lines; completing the reader closes the stream.</summary>
    internal static PipeReader Reader(Stream lines) =>
        PipeReader.Create(lines, new StreamPipeReaderOptions(bufferSize: ReadSize, minimumReadSize: 4096));

    private HttpRequestMessage Message(HttpMethod method, string path, SyncCredentials credentials)
    {
        var root = (credentials.Endpoint ?? endpoint).AbsoluteUri.TrimEnd('/');
        var message = new HttpRequestMessage(method, new Uri($"{root}/{path}"));
        message.Headers.TryAddWithoutValidation("Authorization", $"Token {credentials.Token}");
        return message;
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage message, CancellationToken cancellationToken)
    {
        HttpResponseMessage response;
        try
        {
            response = await http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        }
        catch (HttpRequestException exception)
        {
            throw new TransportException($"The sync service at {message.RequestUri!.Authority} cannot be reached: {exception.Message}", cause: exception);
        }
        if (response.IsSuccessStatusCode)
            return response;
        using (response)
        {
            var status = (int)response.StatusCode;
            throw new TransportException(
                $"The sync service answered {status} to {message.RequestUri!.AbsolutePath}{await DescribeAsync(response, cancellationToken)}.",
                unauthorized: response.StatusCode == HttpStatusCode.Unauthorized,
                retryAfter: response.Headers.RetryAfter?.Delta);
        }
    }

    /// <summary>The service's own words about a refusal, kept short.</summary>
    private static async Task<string> DescribeAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            var body = await response.Content.ReadAsStringAsync(cancellationToken);
            using var document = JsonDocument.Parse(body);
            var error = document.RootElement.GetProperty("error");
            return $" ({error.GetProperty("code").GetString()}: {error.GetProperty("description").GetString()})";
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or HttpRequestException or IOException)
        {
            return ""; // other servers on the way answer in their own forms; the status says enough
        }
    }
}
