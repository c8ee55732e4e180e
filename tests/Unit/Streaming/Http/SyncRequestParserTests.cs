using System.Text;
using System.Text.Json;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.Streaming.Sessions;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming.Http;

public class SyncRequestParserTests
{
    private const string Full =
        """
        {"buckets":[{"name":"2#lists[\"u1\"]","after":"1207"}],"client_id":"6f0b","include_checksum":true,"raw_data":true,"binary_data":true,"only":["x"],
        "parameters":{"region":"eu"},"app_metadata":{"version":"4.1.0"},
        "streams":{"include_defaults":false,"subscriptions":[{"stream":"todos","parameters":{"list":"l9"},"override_priority":1},{"stream":"x"}]}}
        """;

    [Fact]
    public void Everything_a_client_can_say_is_read()
    {
        var request = Parse(Full);

        Assert.Equal([new BucketPosition("2#lists[\"u1\"]", new OpId(1207))], request.Buckets);
        Assert.Equal("6f0b", request.ClientId);
        Assert.True(request.RawData);
        Assert.Equal("""{"region":"eu"}""", request.Parameters.GetRawText());
        Assert.False(request.IncludeDefaults);
        Assert.Equal(["todos", "x"], request.Subscriptions.Select(subscription => subscription.Stream));
        Assert.Equal([1, null], request.Subscriptions.Select(subscription => subscription.PriorityOverride));
        Assert.Equal("""{"list":"l9"}""", request.Subscriptions[0].Parameters.GetRawText());
        Assert.Equal(JsonValueKind.Undefined, request.Subscriptions[1].Parameters.ValueKind);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"buckets":null,"client_id":null,"raw_data":null,"parameters":null,"app_metadata":null,"streams":null,"include_checksum":null}""")]
    [InlineData("""{"streams":{"include_defaults":null,"subscriptions":null},"unknown":{"a":[1]}}""")]
    public void Null_is_absent_and_unknown_members_are_ignored(string body)
    {
        var request = Parse(body);

        Assert.Empty(request.Buckets);
        Assert.Null(request.ClientId);
        Assert.False(request.RawData);
        Assert.True(request.IncludeDefaults);
        Assert.Equal("{}", request.Parameters.GetRawText());
        Assert.Empty(request.Subscriptions);
    }

    [Fact]
    public void The_body_wins_over_the_query()
    {
        Assert.Equal("query", Parse("{}", "query").ClientId);
        Assert.Equal("body", Parse("""{"client_id":"body"}""", "query").ClientId);
    }

    [Theory]
    [InlineData("", "not JSON")]
    [InlineData("nonsense", "not JSON")]
    [InlineData("{\"a\":1", "not JSON")]
    [InlineData("null", "object")]
    [InlineData("[1]", "object")]
    [InlineData("""{"buckets":{}}""", "buckets")]
    [InlineData("""{"buckets":[1]}""", "buckets[0]")]
    [InlineData("""{"buckets":[{"name":"a","after":"1"},{"name":"a","after":1}]}""", "buckets[1]")]
    [InlineData("""{"buckets":[{"name":"a","after":"-1"}]}""", "buckets[0]")]
    [InlineData("""{"buckets":[{"name":"a","after":"9223372036854775808"}]}""", "buckets[0]")]
    [InlineData("""{"buckets":[{"name":"\ud800","after":"1"}]}""", "Unicode")]
    [InlineData("""{"\ud800":1}""", "Unicode")]
    [InlineData("""{"client_id":7}""", "client_id")]
    [InlineData("""{"client_id":"\udc00"}""", "Unicode")]
    [InlineData("""{"raw_data":"yes"}""", "raw_data")]
    [InlineData("""{"parameters":[]}""", "parameters")]
    [InlineData("""{"parameters":{"a":["\ud800"]}}""", "Unicode")]
    [InlineData("""{"parameters":{"\ud800":1}}""", "Unicode")]
    [InlineData("""{"app_metadata":{"a":1}}""", "app_metadata")]
    [InlineData("""{"streams":[]}""", "streams")]
    [InlineData("""{"streams":{"subscriptions":[{}]}}""", "streams.subscriptions[0]")]
    [InlineData("""{"streams":{"subscriptions":[{"stream":"a","override_priority":4}]}}""", "override_priority")]
    [InlineData("""{"streams":{"subscriptions":[{"stream":"a","override_priority":1.5}]}}""", "override_priority")]
    [InlineData("""{"streams":{"include_defaults":0}}""", "include_defaults")]
    public void What_is_wrong_is_named(string body, string named)
    {
        var error = Assert.Throws<SyncException>(() => Parse(body));

        Assert.Equal(400, error.Status);
        Assert.Equal("PSYNC_S2001", error.WireCode);
        Assert.Contains(named, Assert.Single(JsonSerializer.Deserialize<string[]>(error.Details!)!), StringComparison.Ordinal);
    }

    [Fact]
    public void Depth_is_limited()
    {
        Assert.Throws<SyncException>(() => Parse("{\"parameters\":{\"a\":" + new string('[', 100) + "1" + new string(']', 100) + "}}"));
        Assert.Throws<SyncException>(() => Parse(new string('[', 1_000_000)));
    }

    [Fact]
    public void Whatever_bytes_come_the_answer_is_a_request_or_a_refusal()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        string[] pieces = ["{", "}", "[", "]", ",", ":", "\"", "\\u", "d800", "\\", "null", "true", "1e999", "-", "buckets", "streams", "subscriptions", "name", "after", "\0", "é", "\u2028"];
        for (var round = 0; round < 20_000; round++)
        {
            var text = Encoding.UTF8.GetBytes(Full);
            for (var damage = random.Next(1, 6); damage > 0; damage--)
            {
                var at = random.Next(text.Length);
                text = random.Next(3) switch
                {
                    0 => [.. text[..at], .. text[Math.Min(text.Length, at + random.Next(1, 20))..], (byte)'}'],
                    1 => [.. text[..at], .. Encoding.UTF8.GetBytes(pieces[random.Next(pieces.Length)]), .. text[at..]],
                    _ => [.. text[..at], (byte)random.Next(256), .. text[(at + 1)..]],
                };
            }
            try
            {
                SyncRequestParser.Parse(text, null);
            }
            catch (SyncException refusal) when (refusal.Status == 400)
            {
            }
            catch (Exception error)
            {
                Assert.Fail($"Seed {seed}, round {round}: {Encoding.UTF8.GetString(text)}\n{error}");
            }
        }
    }

    private static SyncRequest Parse(string body, string? clientId = null) =>
        SyncRequestParser.Parse(Encoding.UTF8.GetBytes(body), clientId);
}
