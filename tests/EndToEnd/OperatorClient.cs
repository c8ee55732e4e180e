using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>Asks a service's operator API.</summary>
internal sealed class OperatorClient(ServiceProcess service)
{
    private const string Token = "operators-secret-token";

    /// <summary>The setting that turns the API on.</summary>
    public static (string Name, string Value) Setting => ("TOPGUN_API_TOKEN", Token);

    /// <summary>Deploys rules, which have to be taken.</summary>
    public async Task<JsonNode> DeployAsync(string yaml)
    {
        var (status, body) = await SendAsync(HttpMethod.Put, "/api/sync-rules/v1/deploy", yaml);
        Assert.True(status == HttpStatusCode.OK, $"{status}: {body}\n{service.Log}");
        return body["data"]!;
    }

    /// <summary>What is in force, and how far the next is.</summary>
    public async Task<JsonNode> CurrentAsync()
    {
        var (status, body) = await SendAsync(HttpMethod.Get, "/api/sync-rules/v1/current", yaml: null);
        Assert.True(status == HttpStatusCode.OK, $"{status}: {body}\n{service.Log}");
        return body["data"]!;
    }

    public async Task<(HttpStatusCode Status, JsonNode Body)> SendAsync(HttpMethod method, string path, string? yaml, string token = Token)
    {
        using var http = new HttpClient { Timeout = Patience.Limit };
        using var request = new HttpRequestMessage(method, new Uri(service.Url, path));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        if (yaml is not null)
            request.Content = new StringContent(yaml, Encoding.UTF8, "application/yaml");
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!);
    }
}
