using System.Net;
using System.Text.Json.Nodes;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>One row that nobody can be given: it alone is missing, the operator is told which, and when it is well again it comes.</summary>
public class RowsAreLeftOut
{
    private const string BadKey = "c0000000-0000-4000-8000-0000000000bd";

    // Fails for every title that is no JSON.
    private const string Names = "  names:\n    data: [\"SELECT id, title ->> 'name' AS name FROM todos AS names\"]\n";
    private const string Titles = "  names:\n    data: [\"SELECT id, title AS name FROM todos AS names\"]\n";

    private static readonly (string Name, string Value)[] SmallLimit = [OperatorClient.Setting, ("TOPGUN_ROW_LIMIT", "4096")];

    [Fact]
    public async Task A_row_beyond_the_limit_leaves_its_neighbours_alone_and_is_told_with_table_key_size_and_position()
    {
        await using var demo = await DemoService.StartAsync(SmallLimit);
        await demo.Database.ExecuteAsync(Insert(BadKey, "'short'"));
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "short");

        await demo.Database.ExecuteAsync(
            $"BEGIN; {Insert("gen_random_uuid()", "'before it'")}; UPDATE todos SET title = repeat('long ', 2000) WHERE id = '{BadKey}'; {Insert("gen_random_uuid()", "'after it'")}; COMMIT");
        var committed = await demo.Database.ReadAsync<string>("SELECT pg_current_wal_insert_lsn()::text");

        var view = await ann.WaitForAsync("todos", "title", "after it");
        Assert.Contains(view.Rows, row => row["title"] == "before it");
        Assert.DoesNotContain(view.Rows, row => row.Id == BadKey);
        var skipped = await SkippedAsync(demo);
        Assert.Equal(1, skipped["open"]!.GetValue<int>());
        var row = Assert.Single(skipped["rows"]!.AsArray())!;
        Assert.Equal("public.todos", row["table"]!.GetValue<string>());
        Assert.Equal($"id={BadKey}", row["key"]!.GetValue<string>());
        Assert.InRange(row["bytes"]!.GetValue<long>(), 10_000, 11_000);
        Assert.InRange(Protocol.Lsn.Parse(row["position"]!.GetValue<string>()).Value, 1UL, Protocol.Lsn.Parse(committed!).Value);
        Assert.Contains("more than the limit of 4096", row["reason"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Contains("topgun_log_skipped 1\n", await MetricsAsync(demo), StringComparison.Ordinal);
        Assert.Contains("TGB1212: 1 rows are left out", demo.Process.Log, StringComparison.Ordinal);
        Assert.DoesNotContain(BadKey, demo.Process.Log, StringComparison.Ordinal); // keys are data
        await AssertDoctorAsync(demo, $"TGB1212  Row id={BadKey} of table 'public.todos'");

        await demo.Database.ExecuteAsync($"UPDATE todos SET title = 'short again' WHERE id = '{BadKey}'");

        view = await ann.WaitForAsync("todos", "title", "short again");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        skipped = await SkippedAsync(demo);
        Assert.Equal(0, skipped["open"]!.GetValue<int>());
        Assert.NotNull(skipped["rows"]![0]!["mended_position"]);
        Assert.Empty(ann.Violations);
    }

    [Fact]
    public async Task It_is_remembered_by_a_store_that_reads_everything_again_and_raising_the_limit_brings_it()
    {
        await using var demo = await DemoService.CreateAsync(cluster: null, SmallLimit);
        await demo.Database.ExecuteAsync(Insert(BadKey, "repeat('long ', 2000)")); // read by the snapshot
        await demo.Process.StartAsync();
        var ann = demo.Connect("ann");
        Assert.DoesNotContain((await ann.WaitForAsync("todos", "title", "Milk")).Rows, row => row.Id == BadKey);
        Assert.Equal(0, await demo.Process.StopAsync());
        await AssertDoctorAsync(demo, $"TGB1212  Row id={BadKey} of table 'public.todos'"); // from the store itself

        await demo.Database.ExecuteAsync("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()");
        await demo.Process.StartAsync();
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
        await ann.WaitForAsync("todos", "title", "Oat milk");
        Assert.Equal(1, (await SkippedAsync(demo))["open"]!.GetValue<int>());

        demo.Process.Configure("TOPGUN_ROW_LIMIT", "65536");
        Assert.Equal(0, await demo.Process.StopAsync());
        await demo.Process.StartAsync();
        await demo.Database.ExecuteAsync($"UPDATE todos SET id = id WHERE id = '{BadKey}'");

        var view = await ann.WaitAsync(view => view.Rows.Any(row => row.Id == BadKey), "the row that was too long");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.Equal(0, (await SkippedAsync(demo))["open"]!.GetValue<int>());
        Assert.Empty(ann.Violations);
    }

    [Fact]
    public async Task A_row_that_the_rules_fail_for_is_left_out_of_that_definition_until_they_are_mended()
    {
        await using var demo = await DemoService.StartAsync(DemoService.Rules + Names, OperatorClient.Setting);
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");
        await demo.Database.ExecuteAsync(Insert(BadKey, "'{\"name\": \"named\"}'"));
        await ann.WaitForAsync("names", "name", "named");
        var others = (await SkippedAsync(demo))["open"]!.GetValue<int>(); // the demo's own rows, whose titles are no JSON

        await demo.Database.ExecuteAsync($"BEGIN; UPDATE todos SET title = 'no JSON' WHERE id = '{BadKey}'; {Insert("gen_random_uuid()", "'{\"name\": \"neighbour\"}'")}; COMMIT");

        var view = await ann.WaitForAsync("names", "name", "neighbour");
        Assert.DoesNotContain(view.Rows, row => row.Type == "names" && row.Id == BadKey);
        Assert.Contains(view.Rows, row => row.Type == "todos" && row["title"] == "no JSON"); // the other definition has no trouble with it
        var skipped = await SkippedAsync(demo);
        Assert.Equal(others + 1, skipped["open"]!.GetValue<int>());
        Assert.Equal(("names", $"id={BadKey}"), (skipped["rows"]![0]!["definition"]!.GetValue<string>(), skipped["rows"]![0]!["key"]!.GetValue<string>()));

        await new OperatorClient(demo.Process).DeployAsync(DemoService.Rules + Titles);

        await ann.WaitForAsync("names", "name", "no JSON");
        Assert.Equal(0, (await SkippedAsync(demo))["open"]!.GetValue<int>());
        Assert.Empty(ann.Violations);
    }

    private static string Insert(string id, string title) =>
        $"INSERT INTO todos (id, list_id, title, created_by) VALUES ({(id.Contains('(', StringComparison.Ordinal) ? id : $"'{id}'")}, '{DemoService.SharedList}', {title}, 'ann')";

    private static async Task<JsonNode> SkippedAsync(DemoService demo)
    {
        var (status, body) = await new OperatorClient(demo.Process).SendAsync(HttpMethod.Get, "/api/admin/v1/status", yaml: null);
        Assert.Equal(HttpStatusCode.OK, status);
        return body["data"]!["store"]!["skipped_rows"]!;
    }

    private static async Task<string> MetricsAsync(DemoService demo)
    {
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Authorization = new System.Net.Http.Headers.AuthenticationHeaderValue("Bearer", OperatorClient.Setting.Value);
        return await http.GetStringAsync(new Uri(demo.Process.Url, "/metrics"), TestContext.Current.CancellationToken);
    }

    private static async Task AssertDoctorAsync(DemoService demo, string finding)
    {
        var (exitCode, output) = await TopGunCommand.RunAsync(
            ["doctor"],
            ("TOPGUN_SOURCE_URL", demo.Database.ConnectionString),
            ("TOPGUN_RULES", demo.Process.RulesPath),
            ("TOPGUN_STORE_PATH", demo.Process.StorePath),
            ("TOPGUN_LISTEN", demo.Process.Url.ToString()),
            OperatorClient.Setting);
        Assert.True(exitCode == 0, output);
        Assert.Contains(finding, output, StringComparison.Ordinal);
    }
}
