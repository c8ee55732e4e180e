using System.Globalization;
using System.Net;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>Other rules on a running service: open streams go on, nothing comes twice, and what is new is complete when it comes.</summary>
public class RulesDeployed
{
    // Titles of all todos, in a bucket that everybody has.
    private const string Titles = "  titles:\n    data: [\"SELECT id, title FROM todos AS titles\"]\n";
    private const string Notes = "  notes:\n    data: [\"SELECT id, body FROM notes\"]\n";

    [Fact]
    public async Task An_open_stream_gets_the_new_bucket_and_nothing_of_the_others_again()
    {
        await using var demo = await DemoService.StartAsync(OperatorClient.Setting);
        var client = demo.Connect("ann");
        var before = await client.WaitForAsync("todos", "title", "Milk");

        var answer = await new OperatorClient(demo.Process).DeployAsync(DemoService.Rules + Titles);

        Assert.Equal("begun", answer["outcome"]!.GetValue<string>());
        var after = await client.WaitForAsync("titles", "title", "Milk");
        Assert.Equal(await TitlesAsync(demo), TitlesOf(after));
        Assert.Equal(before.Buckets, after.Buckets.Where(bucket => !bucket.Contains("titles", StringComparison.Ordinal)));
        Assert.Equal(0, client.DroppedBuckets);

        // Changes go on, in old and new buckets alike; and back to the old rules takes the new bucket away and nothing else.
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
        await client.WaitForAsync("titles", "title", "Oat milk");
        await client.WaitForAsync("todos", "title", "Oat milk");
        await new OperatorClient(demo.Process).DeployAsync(DemoService.Rules);
        var back = await client.WaitAsync(view => view.Rows.All(row => row.Type != "titles"), "no titles any more");
        Assert.Equal(before.Buckets, back.Buckets);
        Assert.Equal(1, client.DroppedBuckets);
        Assert.Empty(client.Violations);
    }

    [Fact]
    public async Task A_table_that_no_rule_read_before_is_published_and_read()
    {
        await using var demo = await DemoService.StartAsync(OperatorClient.Setting);
        await demo.Database.ExecuteAsync("CREATE TABLE notes (id int PRIMARY KEY, body text); INSERT INTO notes SELECT n, 'note ' || n FROM generate_series(1, 100) n");
        var client = demo.Connect("ann");
        await client.WaitForAsync("todos", "title", "Milk");

        await new OperatorClient(demo.Process).DeployAsync(DemoService.Rules + Notes);

        var view = await client.WaitAsync(view => view.Rows.Any(row => row.Type == "notes"), "notes");
        Assert.Equal(100, view.Rows.Count(row => row.Type == "notes"));
        await demo.Database.ExecuteAsync("INSERT INTO notes VALUES (101, 'later')");
        await client.WaitForAsync("notes", "body", "later");

        // Given up and wanted again: what happened in between is not missing.
        await new OperatorClient(demo.Process).DeployAsync(DemoService.Rules);
        await client.WaitAsync(view => view.Rows.All(row => row.Type != "notes"), "no notes any more");
        await demo.Database.ExecuteAsync("UPDATE notes SET body = 'unseen' WHERE id = 1");
        await new OperatorClient(demo.Process).DeployAsync(DemoService.Rules + Notes);
        view = await client.WaitForAsync("notes", "body", "unseen");
        Assert.Equal(101, view.Rows.Count(row => row.Type == "notes"));
        Assert.Equal(1, await CountAsync(demo, "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"));
        Assert.Equal(1, client.DroppedBuckets);
    }

    [Fact]
    public async Task A_bad_file_changes_nothing_and_says_all_its_mistakes()
    {
        await using var demo = await DemoService.StartAsync(OperatorClient.Setting);
        var client = demo.Connect("ann");
        await client.WaitForAsync("todos", "title", "Milk");

        var (status, body) = await new OperatorClient(demo.Process).SendAsync(
            HttpMethod.Post, "/api/sync-rules/v1/deploy", "bucket_definitions:\n  a: {data: [SELEKT 1]}\n  b: {data: [SELECT * FROM]}\n");

        Assert.Equal(HttpStatusCode.UnprocessableEntity, status);
        Assert.Equal("PSYNC_R0001", body["error"]!["code"]!.GetValue<string>());
        Assert.True(body["error"]!["details"]!.GetValue<string>().Split('\n').Length >= 2, body.ToString());
        var (missing, problem) = await new OperatorClient(demo.Process).SendAsync(HttpMethod.Put, "/api/sync-rules/v1/deploy", DemoService.Rules + Notes);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, missing);
        Assert.Contains("'public.notes' does not exist", problem["error"]!["details"]!.GetValue<string>(), StringComparison.Ordinal);
        var (_, current) = await new OperatorClient(demo.Process).SendAsync(HttpMethod.Get, "/api/sync-rules/v1/current", yaml: null);
        Assert.Equal(DemoService.Rules, current["data"]!["current"]!["content"]!.GetValue<string>());
        Assert.Null(current["data"]!["next"]);
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
        await client.WaitForAsync("todos", "title", "Oat milk");
    }

    [Fact]
    public async Task The_file_is_deployed_when_it_changes_and_at_a_start_with_a_changed_one()
    {
        await using var demo = await DemoService.StartAsync(OperatorClient.Setting);
        var client = demo.Connect("ann");
        await client.WaitForAsync("todos", "title", "Milk");

        await File.WriteAllTextAsync(demo.Process.RulesPath, DemoService.Rules + Titles, TestContext.Current.CancellationToken);
        await client.WaitForAsync("titles", "title", "Milk");
        await demo.Process.StopAsync();
        await File.WriteAllTextAsync(demo.Process.RulesPath, DemoService.Rules, TestContext.Current.CancellationToken);
        await demo.Process.StartAsync();
        await client.WaitAsync(view => view.Rows.All(row => row.Type != "titles"), "no titles any more");

        // A file that was spoilt while the service was down does not keep it down.
        await demo.Process.StopAsync();
        await File.WriteAllTextAsync(demo.Process.RulesPath, "bucket_definitions: 7", TestContext.Current.CancellationToken);
        await demo.Process.StartAsync();
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
        await client.WaitForAsync("todos", "title", "Oat milk");
        Assert.Equal(1, client.DroppedBuckets);
    }

    [Fact]
    public async Task Killed_at_any_moment_of_deployments_each_client_ends_exact_on_the_rules_deployed_last()
    {
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {seed}"));
        var random = new Random(seed);
        await using var demo = await DemoService.StartAsync(OperatorClient.Setting);
        await demo.Database.ExecuteAsync(
            $"INSERT INTO todos (id, list_id, title, created_by) SELECT gen_random_uuid(), '{DemoService.SharedList}', 'n' || n, 'load' FROM generate_series(1, 20000) n");
        var history = new OpHistory();
        var client = demo.Connect("ann", history);
        await client.WaitForAsync("todos", "title", "n20000");
        var kept = (await client.WaitForAsync("todos", "title", "Milk")).Buckets;

        for (var round = 0; round < 12; round++)
        {
            await new OperatorClient(demo.Process).DeployAsync(round % 2 == 0 ? DemoService.Rules + Titles : DemoService.Rules);
            await demo.Database.ExecuteAsync($"UPDATE todos SET title = 'r{round}-' || left(id::text, 4) WHERE created_by = 'load' AND id::text LIKE '{round:x}%'");
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(0, 300)), TestContext.Current.CancellationToken);
            await demo.Process.KillAsync();
            await demo.Process.StartAsync();
        }
        await new OperatorClient(demo.Process).DeployAsync(DemoService.Rules + Titles);
        await demo.Database.ExecuteAsync($"INSERT INTO todos (id, list_id, title, created_by) VALUES (gen_random_uuid(), '{DemoService.SharedList}', 'the end', 'ann')");

        var view = await client.WaitForAsync("titles", "title", "the end");
        Assert.Equal(await TitlesAsync(demo), TitlesOf(view));
        Assert.Equal(kept, view.Buckets.Where(bucket => !bucket.Contains("titles", StringComparison.Ordinal)));
        Assert.True(client.Violations.Count == 0, string.Join('\n', client.Violations));
        var fresh = await demo.Connect("bob", history).WaitForAsync("titles", "title", "the end");
        Assert.Equal(await TitlesAsync(demo), TitlesOf(fresh));
    }

    private static IReadOnlyList<string> TitlesOf(ClientView view) =>
        [.. view.Rows.Where(row => row.Type == "titles").Select(row => $"{row.Id} {row["title"]}").Order(StringComparer.Ordinal)];

    private static async Task<IReadOnlyList<string>> TitlesAsync(DemoService demo)
    {
        await using var command = demo.Database.DataSource.CreateCommand("SELECT id || ' ' || title FROM todos");
        var titles = new List<string>();
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
            titles.Add(reader.GetString(0));
        return [.. titles.Order(StringComparer.Ordinal)];
    }

    private static async Task<long> CountAsync(DemoService demo, string query)
    {
        await using var command = demo.Database.DataSource.CreateCommand(query);
        return (long)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }
}
