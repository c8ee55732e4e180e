using System.Net;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>What clients see of the source's troubles.</summary>
public class SourceFails
{
    [Fact]
    public async Task A_source_that_is_away_leaves_everybody_with_what_there_was_and_comes_back_unnoticed()
    {
        await using var cluster = await PostgresCluster.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await using var demo = await DemoService.CreateAsync(cluster);
        await demo.Process.StartAsync();
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");

        await cluster.StopAsync(PostgresStop.Kill);
        await BadStart.UntilAsync(
            () => Task.FromResult(demo.Process.Log.Contains("TGB1101", StringComparison.Ordinal)), "the log tells that the source is away");
        var bob = demo.Connect("bob");
        await bob.WaitForAsync("todos", "title", "Milk");
        var refusal = await Assert.ThrowsAsync<HttpRequestException>(() => bob.RequestWriteCheckpointAsync());
        Assert.True((int?)refusal.StatusCode >= 500, $"A client would not ask again after {refusal.StatusCode}.");
        Assert.Equal(HttpStatusCode.OK, await demo.Process.ProbeAsync("readiness"));
        Assert.Equal(HttpStatusCode.OK, await demo.Process.ProbeAsync("liveness"));

        await cluster.StartAsync(TestContext.Current.CancellationToken);
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
        await ann.WaitForAsync("todos", "title", "Oat milk");
        var view = await bob.WaitForAsync("todos", "title", "Oat milk");
        Assert.Equal(await demo.ExpectedAsync("bob"), DemoService.Shown(view));
        Assert.Equal(0, bob.DroppedBuckets);
    }

    [Fact]
    public async Task Rows_that_a_failover_undid_leave_every_device()
    {
        await using var primary = await PostgresCluster.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await using var demo = await DemoService.CreateAsync(primary);
        await primary.StopAsync();
        await using var standby = primary.CopyAsStandby();
        await primary.StartAsync(TestContext.Current.CancellationToken);
        await demo.Process.StartAsync();
        var history = new OpHistory();
        var ann = demo.Connect("ann", history);
        await ann.WaitForAsync("todos", "title", "Milk");
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'phantom' WHERE title = 'Milk'");
        await ann.WaitForAsync("todos", "title", "phantom");

        await primary.StopAsync(PostgresStop.Kill);
        await standby.StartAsync(TestContext.Current.CancellationToken);
        await standby.PromoteAsync();
        await demo.Database.ExecuteAsync(
            $"INSERT INTO todos (id, list_id, title, created_by) VALUES (gen_random_uuid(), '{DemoService.SharedList}', 'new history', 'ann')");

        var view = await ann.WaitForAsync("todos", "title", "new history");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.Contains(view.Rows, row => row["title"] == "Milk");
        // A device that was away during all of that ends where the others are.
        var bob = demo.Connect("bob", history);
        Assert.Equal(await demo.ExpectedAsync("bob"), DemoService.Shown(await bob.WaitForAsync("todos", "title", "new history")));
    }

    [Fact]
    public async Task A_flood_of_messages_under_our_prefix_moves_nobody_and_holds_nobody_up()
    {
        await using var demo = await DemoService.StartAsync();
        var ann = demo.Connect("ann");
        var before = await ann.WaitForAsync("todos", "title", "Milk");

        await demo.Database.ExecuteAsync(
            "SELECT pg_logical_emit_message(i % 2 = 0, 'topgun', decode(repeat('00', 16) || lpad(to_hex(i), 16, '0') || '00000003616e6e', 'hex')) FROM generate_series(1, 20000) i");
        var checkpoint = await ann.RequestWriteCheckpointAsync();
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");

        var view = await ann.WaitAsync(
            seen => seen.WriteCheckpoint == checkpoint && seen.Rows.Any(row => row["title"] == "Oat milk"), "the write checkpoint and the change");
        Assert.Equal(before.Rows.Count, view.Rows.Count);
        Assert.True(checkpoint > 20_000, "A forged marker was taken for ours.");
    }

    [Fact]
    public async Task A_large_transaction_becomes_visible_at_once_while_others_are_served_and_one_that_is_undone_never()
    {
        var rows = Environment.GetEnvironmentVariable("TOPGUN_TEST_LARGE_ROWS") is { Length: > 0 } text ? int.Parse(text, System.Globalization.CultureInfo.InvariantCulture) : 60_000;
        await using var demo = await DemoService.StartAsync();
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");
        await using var writer = await demo.Database.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);

        await ExecuteAsync(writer, $"BEGIN; {Many(rows, "undone")}; ROLLBACK");
        await ExecuteAsync(writer, $"BEGIN; {Many(rows, "many")}; UPDATE todos SET title = 'the last of many' WHERE title = 'Milk'");
        await demo.Database.ExecuteAsync("UPDATE lists SET name = 'meanwhile'");
        await ann.WaitForAsync("lists", "name", "meanwhile");
        await ExecuteAsync(writer, "COMMIT");

        await ann.WaitForAsync("todos", "title", "the last of many");
        // Others' rows, so that nobody downloads them: counted where they are.
        await demo.Database.ExecuteAsync("DELETE FROM todos WHERE title = 'many' AND id IN (SELECT id FROM todos WHERE title = 'many' ORDER BY id OFFSET 3)");
        var carol = demo.Connect("carol");
        var view = await carol.WaitAsync(seen => seen.Rows.Count(row => row.Type == "todos") == 3, "what is left of the many rows");
        Assert.Equal(await demo.ExpectedAsync("carol"), DemoService.Shown(view));

        static string Many(int rows, string title) =>
            $"""
            INSERT INTO lists (id, owner_id, name) VALUES ('b0000000-0000-4000-8000-000000000009', 'carol', 'large') ON CONFLICT DO NOTHING;
            INSERT INTO members (id, list_id, user_id) VALUES ('b0000000-0000-4000-8000-00000000000a', 'b0000000-0000-4000-8000-000000000009', 'carol') ON CONFLICT DO NOTHING;
            INSERT INTO todos (id, list_id, title, created_by)
            SELECT gen_random_uuid(), 'b0000000-0000-4000-8000-000000000009', '{title}', repeat('carol', 40) FROM generate_series(1, {rows}) i
            """;
    }

    [Fact]
    public async Task A_row_beyond_the_limit_is_left_out_and_said_so_while_its_neighbours_arrive()
    {
        await using var demo = await DemoService.StartAsync();
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");

        // 300 MB of text: read, and refused.
        await demo.Database.ExecuteAsync("UPDATE todos SET title = repeat('300 megabytes...', 19660800) WHERE title = 'Milk'");
        await demo.Database.ExecuteAsync(
            $"INSERT INTO todos (id, list_id, title, created_by) VALUES (gen_random_uuid(), '{DemoService.SharedList}', 'after it', 'ann')");
        var view = await ann.WaitForAsync("todos", "title", "after it");

        Assert.DoesNotContain(view.Rows, row => row["title"] == "Milk" || row["title"]?.Length > 1000);
        Assert.Contains("67108864", demo.Process.Log, StringComparison.Ordinal);
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'short again' WHERE length(title) > 1000");
        view = await ann.WaitForAsync("todos", "title", "short again");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
    }

    [Fact]
    public async Task A_store_that_is_older_than_the_slot_is_filled_again_and_no_number_means_two_things()
    {
        await using var demo = await DemoService.StartAsync();
        var history = new OpHistory();
        var ann = demo.Connect("ann", history);
        await ann.WaitForAsync("todos", "title", "Milk");
        Assert.Equal(0, await demo.Process.StopAsync());
        var backup = demo.Process.StorePath + ".backup";
        Copy(demo.Process.StorePath, backup);
        await demo.Process.StartAsync();
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
        await ann.WaitForAsync("todos", "title", "Oat milk");
        Assert.Equal(0, await demo.Process.StopAsync());

        Directory.Delete(demo.Process.StorePath, recursive: true);
        Directory.Move(backup, demo.Process.StorePath);
        ann.Heals = true; // she has an operation that the store never had: its bucket is downloaded once more
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Soy milk' WHERE title = 'Oat milk'");
        await demo.Process.StartAsync();

        var view = await ann.WaitForAsync("todos", "title", "Soy milk");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.InRange(ann.HealedBuckets, 0, 1);
        Assert.Contains("was confirmed up to", demo.Process.Log, StringComparison.Ordinal);
    }

    private static async Task ExecuteAsync(Npgsql.NpgsqlConnection connection, string sql)
    {
        await using var command = new Npgsql.NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    private static void Copy(string source, string target)
    {
        Directory.CreateDirectory(target);
        foreach (var folder in Directory.GetDirectories(source, "*", SearchOption.AllDirectories))
            Directory.CreateDirectory(Path.Combine(target, Path.GetRelativePath(source, folder)));
        foreach (var file in Directory.GetFiles(source, "*", SearchOption.AllDirectories))
            File.Copy(file, Path.Combine(target, Path.GetRelativePath(source, file)));
    }
}
