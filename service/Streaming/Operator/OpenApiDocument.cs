using Microsoft.AspNetCore.Http;

namespace TopGun.Buckets.Streaming.Operator;

/// <summary>The OpenAPI document of all routes: <c>openapi.json</c> beside this file. Anybody may read it; it is the same for every service.</summary>
internal static class OpenApiDocument
{
    public const string Path = "/api/openapi.json";

    public static async Task HandleAsync(HttpContext http)
    {
        http.Response.ContentType = "application/json";
        await using var document = Open();
        await document.CopyToAsync(http.Response.Body, http.RequestAborted);
    }

    private static Stream Open() =>
        typeof(OpenApiDocument).Assembly.GetManifestResourceStream("openapi.json") ?? throw new InvalidOperationException("The document is not in the assembly.");
}
