using TopGun.Buckets.Streaming.Http;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.Http;

public class NegotiationTests
{
    [Theory]
    [InlineData(null, false)]
    [InlineData("", false)]
    [InlineData("*/*", false)]
    [InlineData("text/html", false)]
    [InlineData("application/x-ndjson", false)]
    [InlineData("application/vnd.powersync.bson-stream", true)]
    [InlineData("application/vnd.powersync.bson-stream;q=0.9,application/x-ndjson;q=0.8", true)] // the JavaScript SDKs
    [InlineData("application/vnd.powersync.bson-stream;q=0.8, application/x-ndjson;q=0.9", false)]
    [InlineData("application/vnd.powersync.bson-stream, application/x-ndjson", false)]
    [InlineData("application/*", false)]
    [InlineData("application/vnd.powersync.bson-stream, */*;q=0.1", true)]
    [InlineData("application/vnd.powersync.bson-stream;q=0, */*", false)]
    [InlineData("application/vnd.powersync.bson-stream;q=oops", true)] // as if it gave none
    public void BSON_is_for_clients_that_like_it_better(string? accept, bool wantsBson) =>
        Assert.Equal(wantsBson, Negotiation.WantsBson(accept));

    [Theory]
    [InlineData(null, null)]
    [InlineData("", null)]
    [InlineData("identity", null)]
    [InlineData("zstd", null)]
    [InlineData("gzip", "gzip")]
    [InlineData("gzip, deflate", "gzip")]
    [InlineData("GZIP", "gzip")]
    [InlineData("br", "br")]
    [InlineData("br, gzip, deflate", "gzip")] // equals: the one that needs less memory
    [InlineData("br;q=1, gzip;q=0.5", "br")]
    [InlineData("br;q=0.5, gzip;q=0.4, identity", null)]
    [InlineData("gzip;q=0, br;q=0", null)]
    [InlineData("*", "gzip")]
    [InlineData("*;q=0", null)]
    [InlineData("gzip;q=x", null)]
    public void A_stream_is_compressed_as_the_client_likes(string? acceptEncoding, string? compression) =>
        Assert.Equal(compression, Negotiation.Compression(acceptEncoding));
}
