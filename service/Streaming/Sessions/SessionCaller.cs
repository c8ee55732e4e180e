using System.Net;
using Microsoft.AspNetCore.Http;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>Where a client comes from.</summary>
/// <param name="Address">As the connection has it, or null.</param>
/// <param name="Transport">How lines reach it: <c>http</c>, <c>answer</c>, <c>websocket</c> or <c>rsocket</c>.</param>
/// <param name="UserAgent">What it calls itself, for people.</param>
internal sealed record SessionCaller(IPAddress? Address, string Transport, string? UserAgent)
{
    private const int LongestName = 256; // what a stranger says of itself is kept for as long as it stays

    public static SessionCaller Of(HttpContext http, string transport) => new(http.Connection.RemoteIpAddress, transport, NameOf(http.Request));

    /// <summary>Browsers cannot set the usual header, so the SDKs send another beside it.</summary>
    private static string? NameOf(HttpRequest request)
    {
        var name = request.Headers["X-User-Agent"].FirstOrDefault() ?? request.Headers.UserAgent.FirstOrDefault();
        return name is { Length: > LongestName } ? name[..LongestName] : name;
    }
}
