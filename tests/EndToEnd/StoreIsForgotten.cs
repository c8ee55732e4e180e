using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>The store that keeps nothing: each start begins anew, and whoever was there before ends with what Postgres has.</summary>
public class StoreIsForgotten
{
    [Fact]
    public async Task After_every_restart_clients_end_with_what_postgres_has_whatever_they_had_seen()
    {
        await using var demo = await DemoService.StartAsync(("STORAGE_BACKEND", "null"));
        var ann = demo.Connect("ann");
        var bob = demo.Connect("bob");
        ann.Heals = bob.Heals = true; // as devices do
        await ann.WaitForAsync("todos", "title", "Milk");

        var before = "Milk";
        foreach (var (count, kill) in ((int, bool)[])[(20, true), (1, false)])
        {
            for (var number = 1; number <= count; number++)
                await demo.Database.ExecuteAsync($"UPDATE todos SET done = NOT done WHERE title = '{before}'"); // op ids that the next start gives to others
            var after = $"before restart {count}";
            await demo.Database.ExecuteAsync($"UPDATE todos SET title = '{after}' WHERE title = '{before}'");
            await ann.WaitForAsync("todos", "title", after);
            if (kill)
                await demo.Process.KillAsync();
            else
                Assert.Equal(0, await demo.Process.StopAsync());
            before = $"while it was away {count}";
            await demo.Database.ExecuteAsync($"UPDATE todos SET title = '{before}' WHERE title = '{after}'; DELETE FROM todos WHERE title = 'n{count - 1}'");
            await demo.Process.StartAsync();

            foreach (var client in new[] { ann, bob })
            {
                var view = await client.WaitForAsync("todos", "title", before);
                Assert.Equal(await demo.ExpectedAsync(client.User), DemoService.Shown(view));
            }
            var requested = await ann.RequestWriteCheckpointAsync();
            await ann.WaitAsync(view => view.WriteCheckpoint >= requested, $"write checkpoint {requested}");
        }
        Assert.Equal(1, await demo.Database.ReadAsync<long>("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()"));
    }
}
