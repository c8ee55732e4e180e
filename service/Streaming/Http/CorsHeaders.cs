using Microsoft.AspNetCore.Http;

namespace TopGun.Buckets.Streaming.Http;

/// <summary>What browsers need to let an app of any origin talk to the service. Access is by token alone; there are no cookies.</summary>
internal static class CorsHeaders
{
    public static void Add(HttpResponse response)
    {
        response.Headers.AccessControlAllowOrigin = "*";
        response.Headers.AccessControlExposeHeaders = "Content-Type";
    }

    public static void AddPreflight(HttpResponse response)
    {
        Add(response);
        response.Headers.AccessControlAllowMethods = "GET, HEAD, POST";
        response.Headers.AccessControlAllowHeaders = "Content-Type, Authorization, User-Agent, X-User-Agent, Accept";
        response.Headers.AccessControlMaxAge = "3600";
    }
}
