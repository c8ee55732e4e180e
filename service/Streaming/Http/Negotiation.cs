using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using TopGun.Buckets.Protocol.Bson;
using TopGun.Buckets.Protocol.Json;

namespace TopGun.Buckets.Streaming.Http;

/// <summary>What the client prefers, by its q-values.</summary>
internal static class Negotiation
{
    public const string Gzip = "gzip";
    public const string Brotli = "br";

    private static readonly MediaTypeHeaderValue Bson = new(BsonLineWriter.ContentType);
    private static readonly MediaTypeHeaderValue Ndjson = new(SyncLineWriter.ContentType);

    /// <summary>Whether lines are BSON: they are when the client likes it better than JSON. With neither of them it gets JSON.</summary>
    public static bool WantsBson(StringValues accept) =>
        accept.Count > 0
        && MediaTypeHeaderValue.TryParseList(accept.ToArray()!, out var ranges)
        && Quality(ranges, Bson) > Quality(ranges, Ndjson);

    /// <summary>
    /// How the stream is compressed, or null for not at all: it is when the client likes it at least as much as the plain text. Between equals
    /// gzip is taken, whose compressor needs less memory.
    /// </summary>
    public static string? Compression(StringValues acceptEncoding)
    {
        if (acceptEncoding.Count == 0 || !StringWithQualityHeaderValue.TryParseList(acceptEncoding.ToArray()!, out var values))
            return null;
        var (gzip, brotli) = (Quality(values, Gzip) ?? Quality(values, "*") ?? 0, Quality(values, Brotli) ?? 0);
        var best = Math.Max(gzip, brotli);
        if (best <= 0 || best < (Quality(values, "identity") ?? 0))
            return null;
        return brotli > gzip ? Brotli : Gzip;
    }

    private static double? Quality(IList<StringWithQualityHeaderValue> values, string name)
    {
        foreach (var value in values)
        {
            if (value.Value.Equals(name, StringComparison.OrdinalIgnoreCase))
                return value.Quality ?? 1;
        }
        return null;
    }

    /// <summary>The quality of the most specific range that a type is in, or 0.</summary>
    private static double Quality(IList<MediaTypeHeaderValue> ranges, MediaTypeHeaderValue type)
    {
        var (quality, specificity) = (0.0, -1);
        foreach (var range in ranges)
        {
            var rank = range.MatchesAllTypes ? 0 : range.MatchesAllSubTypes ? 1 : 2;
            if (rank > specificity && type.IsSubsetOf(range))
                (quality, specificity) = (range.Quality ?? 1, rank);
        }
        return quality;
    }
}
