using System.Text.Json.Nodes;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>A store is copied to another backend, backed up, restored and checked by the command line.</summary>
public sealed class StoreIsMoved : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("topgun-moved-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Nobody_downloads_anything_again_after_a_store_moved_to_postgres_and_back()
    {
        await using var demo = await DemoService.StartAsync();
        var history = new OpHistory();
        var ann = demo.Connect("ann", history);
        await ann.WaitForAsync("todos", "title", "Milk");
        var database = demo.Database.ConnectionString;

        await demo.Process.StopAsync();
        await CopyAsync(demo.Process.StorePath, database);
        foreach (var (name, value) in demo.PostgresStore)
            demo.Process.Configure(name, value);
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'in postgres' WHERE title = 'Milk'");
        await demo.Process.StartAsync();
        await ann.WaitForAsync("todos", "title", "in postgres");

        await demo.Process.StopAsync();
        var back = Path.Combine(_folder, "back");
        await CopyAsync(database, back);
        demo.Process.Configure("STORAGE_BACKEND", "embedded");
        demo.Process.Configure("TOPGUN_STORE_PATH", back);
        await demo.Process.StartAsync();
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'and back' WHERE title = 'in postgres'");

        var view = await ann.WaitForAsync("todos", "title", "and back");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.Equal(0, ann.DroppedBuckets);
        Assert.DoesNotContain("snapshot starts", demo.Process.Log.Split("goes on after operation", 3)[^1], StringComparison.Ordinal);
        var fresh = await demo.Connect("bob", history).WaitForAsync("todos", "title", "and back");
        Assert.Equal(await demo.ExpectedAsync("bob"), DemoService.Shown(fresh));
    }

    [Fact]
    public async Task A_store_in_use_is_not_copied_and_one_that_is_there_is_not_overwritten()
    {
        await using var demo = await DemoService.StartAsync();
        var other = Path.Combine(_folder, "other");

        var inUse = await TopGunCommand.RunAsync(["store", "copy", "--from", demo.Process.StorePath, "--to", other]);
        Assert.Equal(1, inUse.ExitCode);
        Assert.Contains("TGB2002", inUse.Output, StringComparison.Ordinal);

        await demo.Process.StopAsync();
        await CopyAsync(demo.Process.StorePath, other);
        var again = await TopGunCommand.RunAsync(["store", "copy", "--from", demo.Process.StorePath, "--to", other]);
        Assert.Equal(1, again.ExitCode);
        Assert.Contains("TGB1207", again.Output, StringComparison.Ordinal);

        var nothing = await TopGunCommand.RunAsync(["store", "copy", "--from", Path.Combine(_folder, "nothing"), "--to", Path.Combine(_folder, "third")]);
        Assert.Equal(1, nothing.ExitCode);
        Assert.Contains("TGB2006", nothing.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_folder, "nothing")));
    }

    [Theory]
    [InlineData("embedded")]
    [InlineData("postgres")]
    public async Task After_a_restore_clients_that_have_seen_more_end_with_what_postgres_has(string store)
    {
        await using var demo = store == "postgres" ? await DemoService.StartWithPostgresStoreAsync() : await DemoService.StartAsync();
        var settings = store == "postgres" ? demo.PostgresStore : [("STORAGE_BACKEND", "embedded"), ("TOPGUN_STORE_PATH", demo.Process.StorePath)];
        var history = new OpHistory();
        var ann = demo.Connect("ann", history);
        ann.Heals = true; // as devices do
        await ann.WaitForAsync("todos", "title", "Milk");
        var backup = Path.Combine(_folder, "backup");
        if (store == "embedded")
            await demo.Process.StopAsync(); // a store in Postgres is backed up while it is written

        var backedUp = await TopGunCommand.RunAsync(["backup", "--to", backup], settings);
        Assert.True(backedUp.ExitCode == 0, backedUp.Output);
        if (store == "embedded")
            await demo.Process.StartAsync();
        for (var number = 1; number <= 20; number++)
            await demo.Database.ExecuteAsync($"UPDATE todos SET title = 'after the backup {number}' WHERE id = '{DemoService.AnnsTodo}'");
        await ann.WaitForAsync("todos", "title", "after the backup 20");

        await demo.Process.KillAsync();
        if (store == "postgres")
            await demo.Database.ExecuteAsync("DROP SCHEMA topgun_store CASCADE");
        else
            Directory.Delete(demo.Process.StorePath, recursive: true);
        var restored = await TopGunCommand.RunAsync(["restore", "--from", backup], settings);
        Assert.True(restored.ExitCode == 0, restored.Output);
        await demo.Process.StartAsync();
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'after the restore' WHERE title = 'Milk'");

        var view = await ann.WaitForAsync("todos", "title", "after the restore");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.Empty(ann.Violations); // an op id with another content than before would be one
        Assert.InRange(ann.HealedBuckets, 0, 1); // the one that changed after the backup, while what was restored is served
    }

    [Fact]
    public async Task A_store_is_verified_and_a_flipped_bit_is_found_with_its_bucket()
    {
        await using var demo = await DemoService.StartWithPostgresStoreAsync();
        await demo.Connect("ann").WaitForAsync("todos", "title", "Milk");

        var whileInUse = await TopGunCommand.RunAsync(["verify", "--json"], demo.PostgresStore);
        Assert.True(whileInUse.ExitCode == 0, whileInUse.Output);
        var result = JsonNode.Parse(whileInUse.Output)!;
        Assert.Equal(await demo.Database.ReadAsync<long>("SELECT count(*) FROM topgun_store.topgun_records WHERE kind = 4"), result["buckets"]!.GetValue<long>());
        Assert.Empty(result["damage"]!.AsArray());

        await demo.Process.StopAsync();
        var folder = Path.Combine(_folder, "verified");
        await CopyAsync(demo.Database.ConnectionString, folder);
        var sound = await TopGunCommand.RunAsync(["verify", "--store", folder]);
        Assert.True(sound.ExitCode == 0, sound.Output);
        Assert.Contains("everything agrees", sound.Output, StringComparison.Ordinal);

        await demo.Database.ExecuteAsync(
            "UPDATE topgun_store.topgun_ops SET ops = set_byte(ops, 40, get_byte(ops, 40) # 4) WHERE bucket = (SELECT bucket FROM topgun_store.topgun_ops ORDER BY bucket LIMIT 1)");
        await demo.Database.ExecuteAsync("DELETE FROM topgun_store.topgun_ops WHERE bucket = (SELECT bucket FROM topgun_store.topgun_ops ORDER BY bucket DESC LIMIT 1)");
        var damaged = await TopGunCommand.RunAsync(["verify", "--json"], demo.PostgresStore);
        Assert.Equal(1, damaged.ExitCode);
        var damage = JsonNode.Parse(damaged.Output)!["damage"]!.AsArray();
        Assert.Equal(2, damage.Count);
        Assert.All(damage, one => Assert.Matches(@"^\d+#", one!["place"]!.GetValue<string>()));
    }

    private static async Task CopyAsync(string from, string to)
    {
        var copied = await TopGunCommand.RunAsync(["store", "copy", "--from", from, "--to", to]);
        Assert.True(copied.ExitCode == 0, copied.Output);
    }
}
