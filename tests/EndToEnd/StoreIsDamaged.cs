using System.Text;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>A bit flips in the store's files: who needs what is damaged is never given it, and ends with what Postgres has.</summary>
public class StoreIsDamaged
{
    [Fact]
    public async Task A_bucket_with_a_flipped_bit_is_filled_anew_while_others_are_served()
    {
        await using var demo = await DemoService.StartAsync();
        await demo.Database.ExecuteAsync(
            $"INSERT INTO todos (id, list_id, title, created_by) VALUES (gen_random_uuid(), '{DemoService.BobsList}', 'a bit of this flips', 'bob')");
        var ann = demo.Connect("ann"); // nobody has read Bob's list, so it is nowhere but in the store
        await ann.WaitForAsync("todos", "title", "Milk");

        await FlipAsync(demo.Process.StorePath, """\"title\":\"a bit of this""");
        var bob = demo.Connect("bob");
        var view = await bob.WaitForAsync("todos", "title", "a bit of this flips");

        Assert.Equal(await demo.ExpectedAsync("bob"), DemoService.Shown(view));
        Assert.Contains("is damaged in the store", demo.Process.Log, StringComparison.Ordinal);
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'afterwards' WHERE title IN ('Milk', 'a bit of this flips')");
        foreach (var client in new[] { ann, bob })
        {
            view = await client.WaitForAsync("todos", "title", "afterwards");
            Assert.Equal(await demo.ExpectedAsync(client.User), DemoService.Shown(view));
            Assert.True(client.Violations.Count == 0, string.Join('\n', client.Violations));
        }
    }

    [Fact]
    public async Task What_power_loss_tears_is_cut_off_and_what_is_damaged_before_that_stops_the_start_with_the_way_out()
    {
        await using var demo = await DemoService.StartAsync();
        var ann = demo.Connect("ann");
        ann.Heals = true; // as devices do
        await ann.WaitForAsync("todos", "title", "Milk");
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'in the last write' WHERE title = 'Milk'");
        await ann.WaitForAsync("todos", "title", "in the last write");
        await StoredAsync(demo.Process.StorePath, "in the last write");
        await demo.Process.KillAsync();
        var log = Directory.GetFiles(demo.Process.StorePath, "*.log").Max()!;

        // The disk has some of the last write only, though the source was told that it has all of it.
        await using (var file = new FileStream(log, FileMode.Open))
            file.SetLength(file.Length - 7);
        await demo.Process.StartAsync();
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'after the power loss' WHERE title = 'in the last write'");
        var view = await ann.WaitForAsync("todos", "title", "after the power loss");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));

        await StoredAsync(demo.Process.StorePath, "after the power loss");
        await demo.Process.KillAsync();
        log = Directory.GetFiles(demo.Process.StorePath, "*.log").Max()!;
        await using (var file = new FileStream(log, FileMode.Open))
        {
            file.Position = 100;
            file.WriteByte(0xFF);
        }
        demo.Process.Launch();
        Assert.Equal(1, await demo.Process.WaitForExitAsync());
        var said = $"{Path.GetFileName(log)} is damaged";
        var verified = await TopGunCommand.RunAsync(["verify"], ("TOPGUN_STORE_PATH", demo.Process.StorePath));
        var examined = await TopGunCommand.RunAsync(
            ["doctor"], ("TOPGUN_SOURCE_URL", demo.Database.ConnectionString), ("TOPGUN_RULES", demo.Process.RulesPath), ("TOPGUN_STORE_PATH", demo.Process.StorePath));
        Assert.Equal((1, 1), (verified.ExitCode, examined.ExitCode));
        foreach (var told in new[] { demo.Process.Log, verified.Output, examined.Output })
        {
            Assert.Contains("TGB2003", told, StringComparison.Ordinal);
            Assert.Contains(said, told, StringComparison.Ordinal);
            Assert.Contains("Restore the store folder from a backup, or remove it", told, StringComparison.Ordinal);
        }

        Directory.Delete(demo.Process.StorePath, recursive: true);
        await demo.Process.StartAsync();
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'built anew' WHERE title = 'after the power loss'");
        view = await ann.WaitForAsync("todos", "title", "built anew");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
    }

    /// <summary>Waits until a text is in the store.</summary>
    private static Task StoredAsync(string store, string text) => BadStart.UntilAsync(
        async () =>
        {
            foreach (var path in Directory.GetFiles(store, "*.log"))
            {
                await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
                var bytes = new byte[file.Length];
                await file.ReadExactlyAsync(bytes, TestContext.Current.CancellationToken);
                if (bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0)
                    return true;
            }
            return false;
        },
        $"{text} is stored");

    /// <summary>Flips a bit of an operation, once it is there.</summary>
    private static async Task FlipAsync(string store, string text)
    {
        var sought = Encoding.UTF8.GetBytes(text);
        await BadStart.UntilAsync(
            async () =>
            {
                foreach (var path in Directory.GetFiles(store, "*.log"))
                {
                    await using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
                    var bytes = new byte[file.Length];
                    await file.ReadExactlyAsync(bytes, TestContext.Current.CancellationToken);
                    var place = bytes.AsSpan().IndexOf(sought);
                    if (place < 0)
                        continue;
                    file.Position = place + sought.Length - 1;
                    file.WriteByte((byte)(sought[^1] ^ 1));
                    return true;
                }
                return false;
            },
            $"{text} is stored");
    }
}
