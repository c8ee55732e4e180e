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
