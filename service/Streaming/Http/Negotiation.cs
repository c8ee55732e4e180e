using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace TopGun.Buckets.Streaming.Http;

/// <summary>What the client prefers, by its q-values.</summary>
internal static class Negotiation
{
    /// <summary>Whether the stream is compressed with gzip: it is when the client asks for it at least as much as for the plain text.</summary>
    public static bool WantsGzip(StringValues acceptEncoding)
    {
        if (acceptEncoding.Count == 0 || !StringWithQualityHeaderValue.TryParseList(acceptEncoding.ToArray()!, out var values))
            return false;
        double? gzip = null, identity = null, any = null;
        foreach (var value in values)
        {
            var quality = value.Quality ?? 1;
            if (value.Value.Equals("gzip", StringComparison.OrdinalIgnoreCase))
                gzip = quality;
            else if (value.Value.Equals("identity", StringComparison.OrdinalIgnoreCase))
                identity = quality;
            else if (value.Value.Equals("*", StringComparison.Ordinal))
                any = quality;
        }
        var wanted = gzip ?? any ?? 0;
        return wanted > 0 && wanted >= (identity ?? 0);
    }
}
