using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json.Nodes;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>What strangers send: each is refused with its code, and the service goes on serving.</summary>
public sealed class BadRequests(BadRequests.Fixture service) : IClassFixture<BadRequests.Fixture>
{
    private static readonly string OtherSecret = System.Buffers.Text.Base64Url.EncodeToString("another secret, which the service does not know"u8);

    public static readonly TheoryData<string, string, string> BadTokens = new()
    {
        { "wrong secret", new TestToken { Secret = OtherSecret }.ToString(), "PSYNC_S2101" },
        { "algorithm none", new TestToken { Algorithm = "none" }.ToString(), "PSYNC_S2101" },
        { "expired", new TestToken { IssuedAt = DateTimeOffset.UtcNow.AddHours(-2) }.ToString(), "PSYNC_S2103" },
        { "lives too long", new TestToken { Lifetime = TimeSpan.FromDays(400) }.ToString(), "PSYNC_S2104" },
        { "wrong audience", new TestToken { Audience = "somebody-else" }.ToString(), "PSYNC_S2105" },
        { "five parts", "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..aaaa.bbbb.cccc", "PSYNC_S2101" },
        { "no token at all", "nonsense", "PSYNC_S2101" },
        { "without subject", new TestToken { Claims = new JsonObject { ["sub"] = null } }.ToString(), "PSYNC_S2101" },
    };

    [Theory]
    [MemberData(nameof(BadTokens), DisableDiscoveryEnumeration = true)]
    public async Task A_bad_token_is_refused_with_its_code(string what, string token, string code)
    {
        using var response = await PostAsync("{}", $"Token {token}");

        Assert.True(response.StatusCode == HttpStatusCode.Unauthorized, what);
        Assert.Equal(code, await CodeAsync(response));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Basic YW5uOnNlY3JldA==")]
    [InlineData("token lower.case.scheme")]
    public async Task A_header_that_holds_no_token_is_refused(string? authorization)
    {
        using var response = await PostAsync("{}", authorization);

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("PSYNC_S2106", await CodeAsync(response));
    }

    [Theory]
    [InlineData("{\"buckets\": [")]
    [InlineData("not json")]
    [InlineData("{\"buckets\": [{\"name\": \"a\", \"after\": \"-1\"}]}")]
    [InlineData("{\"buckets\": [{\"name\": \"a\", \"after\": \"zero\"}]}")]
    [InlineData("{\"buckets\": 7}")]
    [InlineData("{\"parameters\": \"all of them\"}")]
    public async Task A_malformed_body_is_refused(string body)
    {
        using var response = await PostAsync(body, $"Token {new TestToken()}");

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal("PSYNC_S2001", await CodeAsync(response));
    }

    [Fact]
    public async Task Unknown_buckets_in_the_request_are_left_out_of_the_answer()
    {
        var body = """{"buckets": [{"name": "1#by_list[\"somebody else's\"]", "after": "5"}, {"name": "nonsense", "after": "0"}], "raw_data": true}""";
        using var response = await PostAsync(body, $"Token {new TestToken { Subject = "nobody" }}");

        response.EnsureSuccessStatusCode();
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        var checkpoint = JsonNode.Parse((await lines.ReadLineAsync(TestContext.Current.CancellationToken))!)!["checkpoint"]!;
        Assert.Empty(checkpoint["buckets"]!.AsArray());
    }

    [Fact]
    public async Task An_unknown_path_is_refused()
    {
        using var response = await service.Http.GetAsync(new Uri("/sync/nothing", UriKind.Relative), TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.Equal("PSYNC_S2002", await CodeAsync(response));
    }

    private static async Task<string?> CodeAsync(HttpResponseMessage response) =>
        (await response.Content.ReadFromJsonAsync<JsonObject>(TestContext.Current.CancellationToken))?["error"]?["code"]?.GetValue<string>();

    private async Task<HttpResponseMessage> PostAsync(string body, string? authorization)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/sync/stream") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        if (authorization is not null)
            Assert.True(request.Headers.TryAddWithoutValidation("Authorization", authorization));
        return await service.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    /// <summary>One service for all of these: none of them may harm it.</summary>
    public sealed class Fixture : IAsyncLifetime
    {
        private DemoService? _demo;

        public HttpClient Http { get; } = new();

        public async ValueTask InitializeAsync()
        {
            _demo = await DemoService.StartAsync();
            Http.BaseAddress = _demo.Process.Url;
        }

        public async ValueTask DisposeAsync()
        {
            Http.Dispose();
            if (_demo is not null)
                await _demo.DisposeAsync();
        }
    }
}
