using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>The operator looks at a running service, and takes tokens back.</summary>
public class OperatorLooks
{
    private const string Token = "operators-secret-token";

    [Fact]
    public async Task The_status_tells_of_the_source_the_store_and_the_clients()
    {
        await using var demo = await DemoService.StartAsync(("TOPGUN_API_TOKEN", Token));
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
        await ann.WaitForAsync("todos", "title", "Oat milk");

        // What the slot holds back is looked at every ten seconds.
        var status = await PollAsync(demo.Process, "/api/admin/v1/status", static status =>
            status["replication"]!["slot_budget"] is not null && status["replication"]!["lag_bytes"]?.GetValue<long>() == 0);

        Assert.Equal("streaming", status["replication"]!["phase"]!.GetValue<string>());
        Assert.Equal(0, status["replication"]!["lag_seconds"]!.GetValue<double>());
        Assert.StartsWith("topgun_", status["replication"]!["slot"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Equal(["public.lists", "public.members", "public.todos"], status["replication"]!["tables"]!.AsArray().Select(static table => table!["name"]!.GetValue<string>()).Order());
        Assert.Null(status["replication"]!["failure"]);
        Assert.Equal("embedded", status["store"]!["backend"]!.GetValue<string>());
        Assert.Equal(demo.Process.StorePath, status["store"]!["place"]!.GetValue<string>());
        Assert.Equal(1, status["sessions"]!["open"]!.GetValue<int>());
        Assert.True(status["ready"]!.GetValue<bool>());
        var metrics = (await SendAsync(demo.Process, HttpMethod.Get, "/metrics")).Body;
        Assert.Contains("topgun_hop_duration_seconds_count{hop=\"commit_to_received\"} ", metrics, StringComparison.Ordinal);
        Assert.Contains("topgun_hop_duration_seconds_count{hop=\"commit_to_sent\"} ", metrics, StringComparison.Ordinal);
        Assert.Contains("topgun_replication_lag_bytes 0\n", metrics, StringComparison.Ordinal);
        Assert.Contains("dotnet_gc_collections_total", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_user_gets_is_explained_from_what_is_served()
    {
        await using var demo = await DemoService.StartAsync(("TOPGUN_API_TOKEN", Token));
        var bob = demo.Connect("bob");
        var view = await bob.WaitForAsync("todos", "title", "Milk");

        var answer = JsonNode.Parse((await SendAsync(demo.Process, HttpMethod.Get, "/api/admin/v1/explain?user=bob")).Body)!["data"]!;
        var other = JsonNode.Parse((await SendAsync(demo.Process, HttpMethod.Post, "/api/admin/v1/explain", """{"claims":{"sub":"nobody"}}""")).Body)!["data"]!;

        var explained = answer["explanation"]!["buckets"]!.AsArray().Select(static bucket => bucket!["name"]!.GetValue<string>()).Order(StringComparer.Ordinal);
        Assert.Equal(view.Buckets.Order(StringComparer.Ordinal), explained);
        Assert.Contains(DemoService.SharedList, answer["explanation"]!["definitions"]!.ToJsonString(), StringComparison.Ordinal);
        Assert.All(answer["totals"]!.AsArray(), static bucket => Assert.True(bucket!["op_count"]!.GetValue<int>() > 0));
        Assert.Empty(other["totals"]!.AsArray());
    }

    [Fact]
    public async Task A_revoked_user_stays_out_when_the_service_was_killed()
    {
        await using var demo = await DemoService.StartAsync(("TOPGUN_API_TOKEN", Token));
        await RevokesAsync(demo.Process, "ann", "bob", demo.Process);

        await demo.Process.KillAsync();
        await demo.Process.StartAsync();

        using var anns = await OpenAsync(demo.Process, "ann");
        using var bobs = await OpenAsync(demo.Process, "bob");
        Assert.Equal(HttpStatusCode.Unauthorized, anns.StatusCode);
        Assert.Equal(HttpStatusCode.OK, bobs.StatusCode);
    }

    [Fact]
    public async Task A_reader_heeds_what_was_revoked_at_the_writer_before_and_after_it_was_started()
    {
        await using var demo = await DemoService.StartWithPostgresStoreAsync(cluster: null, ("TOPGUN_API_TOKEN", Token));
        await SendAsync(demo.Process, HttpMethod.Post, "/api/admin/v1/revocations", """{"sub":"carol"}""");
        await using var reader = demo.CreateReader();
        reader.Configure("TOPGUN_API_TOKEN", Token);
        await reader.StartAsync();

        using var carols = await OpenAsync(reader, "carol");
        await RevokesAsync(demo.Process, "ann", "bob", reader);
        var (status, answer) = await SendAsync(reader, HttpMethod.Post, "/api/admin/v1/revocations", """{"sub":"bob"}""");

        Assert.Equal(HttpStatusCode.Unauthorized, carols.StatusCode);
        Assert.Equal(HttpStatusCode.Conflict, status);
        Assert.Contains("TOPGUN_ROLE=writer", answer, StringComparison.Ordinal);
        var reported = await PollAsync(reader, "/api/admin/v1/status", static _ => true);
        Assert.Equal(("reader", "following"), (reported["role"]!.GetValue<string>(), reported["replication"]!["phase"]!.GetValue<string>()));
    }

    [Fact]
    public async Task A_collector_is_sent_metrics_and_spans()
    {
        await using var collector = OtlpCollector.Start();
        await using var demo = await DemoService.StartAsync([.. collector.Settings]);
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
        await ann.WaitForAsync("todos", "title", "Oat milk");

        await collector.WaitForAsync("/v1/metrics", "topgun.hop.duration");
        await collector.WaitForAsync("/v1/metrics", "commit_to_sent");
        await collector.WaitForAsync("/v1/metrics", "topgun.replication.lag");
        await collector.WaitForAsync("/v1/traces", "topgun.lsn");
        await collector.WaitForAsync("/v1/traces", "stream opening");
    }

    /// <summary>Revokes a user who has a stream open, which ends, while the one of another user goes on.</summary>
    private static async Task RevokesAsync(ServiceProcess writer, string user, string other, ServiceProcess serving)
    {
        using var revoked = await OpenAsync(serving, user);
        using var going = await OpenAsync(serving, other);
        var lines = new StreamReader(await revoked.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        while (!(await NextAsync(lines))!.StartsWith("{\"checkpoint_complete\"", StringComparison.Ordinal))
        {
            // What there is.
        }

        var (status, _) = await SendAsync(writer, HttpMethod.Post, "/api/admin/v1/revocations", $$"""{"sub":"{{user}}"}""");

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal("""{"token_expires_in":0}""", await NextAsync(lines));
        Assert.Null(await NextAsync(lines));
        Assert.Equal(HttpStatusCode.OK, going.StatusCode);
    }

    private static async Task<string?> NextAsync(StreamReader lines)
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        return await lines.ReadLineAsync(deadline.Token);
    }

    private static async Task<HttpResponseMessage> OpenAsync(ServiceProcess service, string user)
    {
        var http = new HttpClient { BaseAddress = service.Url };
        using var request = new HttpRequestMessage(HttpMethod.Post, "/sync/stream") { Content = JsonContent.Create(new { raw_data = true }) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", new TestToken { Subject = user }.ToString());
        return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    private static async Task<JsonNode> PollAsync(ServiceProcess service, string path, Func<JsonNode, bool> condition)
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        while (true)
        {
            var data = JsonNode.Parse((await SendAsync(service, HttpMethod.Get, path)).Body)!["data"]!;
            if (condition(data))
                return data;
            await Task.Delay(50, deadline.Token);
        }
    }

    private static async Task<(HttpStatusCode Status, string Body)> SendAsync(ServiceProcess service, HttpMethod method, string path, string? body = null)
    {
        using var http = new HttpClient { BaseAddress = service.Url };
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : new StringContent(body) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
