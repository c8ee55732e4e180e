using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace TopGun.Buckets.Streaming.Http;

/// <summary>Reads a whole request body within its limit.</summary>
internal static class RequestBody
{
    /// <exception cref="SyncException">It is compressed (415): a small body could unfold to any size.</exception>
    /// <exception cref="BadHttpRequestException">It is too large (413) or comes too slowly (408).</exception>
    public static async ValueTask<ReadOnlyMemory<byte>> ReadAsync(HttpContext http, long maxBytes)
    {
        if (http.Request.Headers.ContentEncoding.Count > 0 && http.Request.Headers.ContentEncoding != "identity")
            throw new SyncException(415, "PSYNC_S2004", "RequestError", "A compressed request body is not accepted.");
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = maxBytes;
        var length = http.Request.ContentLength;
        using var body = new MemoryStream((int)Math.Min(length ?? 4096, maxBytes));
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        return body.GetBuffer().AsMemory(0, (int)body.Length);
    }
}
