using System.Net;
using System.Net.Sockets;

namespace TopGun.Buckets.Streaming.Auth;

/// <summary>Gets a key set over the network, from where the configuration says and nowhere else.</summary>
/// <remarks>
/// No redirects, no proxy, no cookies. A host name is resolved here and the connection goes to an address that was checked, so a name that
/// answers differently a moment later leads nowhere.
/// </remarks>
internal sealed class KeySetFetcher : IDisposable
{
    private const int MaxBytes = 256 << 10;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly HttpClient _http;
    private readonly Uri _uri;
    private readonly bool _allowPrivate;
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _resolveAsync;

    /// <param name="uri">Where the set is.</param>
    /// <param name="allowPrivate">Whether that may be inside.</param>
    /// <param name="timeout">For all of it; by default five seconds.</param>
    /// <param name="resolveAsync">Addresses of a host; by default what the system says.</param>
    public KeySetFetcher(
        Uri uri, bool allowPrivate, TimeSpan? timeout = null, Func<string, CancellationToken, Task<IPAddress[]>>? resolveAsync = null)
    {
        _uri = uri;
        _allowPrivate = allowPrivate;
        _resolveAsync = resolveAsync ?? Dns.GetHostAddressesAsync;
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            ConnectTimeout = Patience,
            ConnectCallback = ConnectAsync,
            MaxResponseHeadersLength = 32, // KiB
        };
        _http = new HttpClient(handler) { Timeout = timeout ?? Patience, MaxResponseContentBufferSize = MaxBytes };
    }

    /// <exception cref="HttpRequestException">It could not be had.</exception>
    /// <exception cref="TaskCanceledException">It took too long.</exception>
    public async Task<byte[]> FetchAsync(CancellationToken cancellationToken)
    {
        using var response = await _http.GetAsync(_uri, cancellationToken);
        if (response.StatusCode != HttpStatusCode.OK)
            throw new HttpRequestException($"The key set's host answered with status {(int)response.StatusCode}.");
        return await response.Content.ReadAsByteArrayAsync(cancellationToken);
    }

    public void Dispose() => _http.Dispose();

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var addresses = await _resolveAsync(context.DnsEndPoint.Host, cancellationToken);
        var allowed = Array.FindAll(addresses, address => _allowPrivate || AddressRules.IsPublic(address));
        if (allowed.Length == 0)
            throw new HttpRequestException("The key set's host is not at a public address.");
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, context.DnsEndPoint.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
