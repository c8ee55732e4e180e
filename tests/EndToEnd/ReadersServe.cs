using System.Net;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>One process writes the store, another one only reads it and serves clients.</summary>
public class ReadersServe
{
    [Fact]
    public async Task Clients_of_a_reader_see_what_clients_of_the_writer_see()
    {
        await using var demo = await DemoService.StartWithPostgresStoreAsync();
        await using var reader = demo.CreateReader();
        await reader.StartAsync();
        var history = new OpHistory();
        var atWriter = demo.Connect("ann", history);
        await using var atReader = new ProtocolClient(reader.Url, "ann", history).Start();
        await atReader.WaitForAsync("todos", "title", "Milk");

        for (var number = 1; number <= 20; number++)
        {
            await demo.Database.ExecuteAsync(
                $"""
                UPDATE todos SET title = 'change {number}' WHERE id = '{DemoService.AnnsTodo}';
                INSERT INTO todos (id, list_id, title, created_by)
                SELECT gen_random_uuid(), '{DemoService.SharedList}', 'new {number}', 'ann' FROM generate_series(1, 30)
                """);
        }

        var left = await atWriter.WaitForAsync("todos", "title", "change 20");
        var right = await atReader.WaitForAsync("todos", "title", "change 20");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(left));
        Assert.Equal(DemoService.Shown(left), DemoService.Shown(right));
        Assert.Equal(left.Buckets, right.Buckets);
        await using var fresh = new ProtocolClient(reader.Url, "bob", history).Start();
        Assert.Equal(await demo.ExpectedAsync("bob"), DemoService.Shown(await fresh.WaitForAsync("todos", "title", "new 20")));
    }

    [Fact]
    public async Task A_bucket_comes_and_goes_at_a_reader_with_the_row_that_grants_it()
    {
        await using var demo = await DemoService.StartWithPostgresStoreAsync();
        await using var reader = demo.CreateReader();
        await reader.StartAsync();
        await using var bob = new ProtocolClient(reader.Url, "bob").Start();
        await bob.WaitForAsync("todos", "title", "Milk");

        await demo.Database.ExecuteAsync(
            $"INSERT INTO members (id, list_id, user_id) VALUES (gen_random_uuid(), '{DemoService.AnnsList}', 'bob')");
        var granted = await bob.WaitForAsync("todos", "id", DemoService.AnnsTodo);
        Assert.Equal(await demo.ExpectedAsync("bob"), DemoService.Shown(granted));

        await demo.Database.ExecuteAsync($"DELETE FROM members WHERE list_id = '{DemoService.AnnsList}' AND user_id = 'bob'");
        var revoked = await bob.WaitAsync(view => view.Rows.All(row => row.Id != DemoService.AnnsTodo), "the row is gone");
        Assert.Equal(await demo.ExpectedAsync("bob"), DemoService.Shown(revoked));
        Assert.Equal(granted.Buckets.Count - 1, revoked.Buckets.Count);
    }

    [Fact]
    public async Task A_write_checkpoint_asked_for_at_a_reader_comes_back_there()
    {
        await using var demo = await DemoService.StartWithPostgresStoreAsync();
        await using var reader = demo.CreateReader();
        await reader.StartAsync();
        await using var ann = new ProtocolClient(reader.Url, "ann").Start();
        await ann.WaitForAsync("todos", "title", "Milk");

        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
        var requested = await ann.RequestWriteCheckpointAsync();

        var view = await ann.WaitAsync(view => view.WriteCheckpoint >= requested, $"write checkpoint {requested}");
        Assert.Contains(view.Rows, row => row["title"] == "Oat milk");
    }

    [Fact]
    public async Task A_reader_serves_on_while_the_writer_is_killed_and_started_again()
    {
        await using var demo = await DemoService.StartWithPostgresStoreAsync();
        await using var reader = demo.CreateReader();
        await reader.StartAsync();
        var history = new OpHistory();
        await using var ann = new ProtocolClient(reader.Url, "ann", history).Start();
        await ann.WaitForAsync("todos", "title", "Milk");

        for (var round = 1; round <= 3; round++)
        {
            await demo.Database.ExecuteAsync($"UPDATE todos SET title = 'before kill {round}' WHERE id = '{DemoService.AnnsTodo}'");
            await demo.Process.KillAsync();
            await using var bob = new ProtocolClient(reader.Url, "bob", history).Start();
            await bob.WaitForAsync("todos", "title", "Milk"); // nobody writes, and a new client is served

            await demo.Process.StartAsync();
            await demo.Database.ExecuteAsync($"UPDATE todos SET title = 'after kill {round}' WHERE id = '{DemoService.AnnsTodo}'");
            await ann.WaitForAsync("todos", "title", $"after kill {round}");
        }

        Assert.Equal(0, ann.DroppedBuckets);
        var requested = await ann.RequestWriteCheckpointAsync();
        var view = await ann.WaitAsync(view => view.WriteCheckpoint >= requested, $"write checkpoint {requested}");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
    }

    [Fact]
    public async Task A_reader_waits_for_the_store_and_loads_anew_when_it_is_filled_anew()
    {
        await using var demo = await DemoService.CreateAsync();
        foreach (var (name, value) in demo.PostgresStore)
            demo.Process.Configure(name, value);
        await using var reader = demo.CreateReader();
        reader.Launch();
        await Patience.UntilAsync(async () => await reader.ProbeAsync("readiness") == HttpStatusCode.BadRequest, "the reader listens and is not ready");

        await demo.Process.StartAsync();
        await reader.WaitUntilReadyAsync();
        await using var ann = new ProtocolClient(reader.Url, "ann").Start();
        await ann.WaitForAsync("todos", "title", "Milk");

        // The slot is lost while the writer is down, so that everything is read again.
        await demo.Process.StopAsync();
        await demo.Database.ExecuteAsync("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()");
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'unseen' WHERE title = 'Milk'");
        await demo.Process.StartAsync();

        var view = await ann.WaitForAsync("todos", "title", "unseen");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
    }

    [Fact]
    public async Task Rules_deployed_at_the_writer_come_into_force_at_a_reader()
    {
        const string Titles = "  titles:\n    data: [\"SELECT id, title FROM todos AS titles\"]\n";
        await using var demo = await DemoService.StartWithPostgresStoreAsync(settings: OperatorClient.Setting);
        await using var reader = demo.CreateReader();
        await reader.StartAsync();
        var history = new OpHistory();
        await using var ann = new ProtocolClient(reader.Url, "ann", history).Start();
        var before = await ann.WaitForAsync("todos", "title", "Milk");

        await new OperatorClient(demo.Process).DeployAsync(DemoService.Rules + Titles);

        var view = await ann.WaitForAsync("titles", "title", "Milk");
        Assert.Equal(before.Buckets, view.Buckets.Where(bucket => !bucket.Contains("titles", StringComparison.Ordinal)));
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
        await ann.WaitForAsync("titles", "title", "Oat milk");
        await new OperatorClient(demo.Process).DeployAsync(DemoService.Rules);
        view = await ann.WaitAsync(view => view.Rows.All(row => row.Type != "titles"), "no titles any more");
        Assert.Equal(before.Buckets, view.Buckets);
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.Equal(1, ann.DroppedBuckets);
        Assert.Empty(ann.Violations);
    }

    [Fact]
    public async Task A_reader_tells_which_rules_are_in_force_and_leaves_changes_to_the_writer()
    {
        await using var demo = await DemoService.StartWithPostgresStoreAsync();
        await using var reader = demo.CreateReader(OperatorClient.Setting);
        await reader.StartAsync();
        var operators = new OperatorClient(reader);

        var (status, answer) = await operators.SendAsync(HttpMethod.Put, "/api/sync-rules/v1/deploy", DemoService.Rules);

        Assert.Equal(HttpStatusCode.UnprocessableEntity, status);
        Assert.Contains("only reads the store", answer["error"]!["description"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Equal(DemoService.Rules, (await operators.CurrentAsync())["current"]!["content"]!.GetValue<string>());
    }
}
