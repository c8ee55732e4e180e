using System.Diagnostics;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>The store's disk is full: replication waits, what is there is served, and it goes on by itself when there is room again.</summary>
public sealed class StoreRunsFull : IAsyncLifetime
{
    private readonly string _disk = Directory.CreateTempSubdirectory("topgun-disk-").FullName;
    private bool _mounted;

    [Fact]
    public async Task A_full_disk_holds_replication_and_nothing_else()
    {
        Assert.SkipUnless(_mounted, "Run as root with the right to mount a tmpfs: a small disk is needed that can be filled.");
        await using var demo = await DemoService.CreateAsync(settings: ("TOPGUN_STORE_PATH", Path.Combine(_disk, "store")));
        await demo.Process.StartAsync();
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");

        var ballast = Path.Combine(_disk, "ballast");
        FillDisk(ballast);
        await demo.Database.ExecuteAsync(
            $"""
            INSERT INTO todos (id, list_id, title, created_by)
            SELECT gen_random_uuid(), '{DemoService.SharedList}', 'large ' || repeat('x', 1000), 'ann' FROM generate_series(1, 3000)
            """);
        await BadStart.UntilAsync(
            () => Task.FromResult(demo.Process.Log.Contains("has no room left", StringComparison.Ordinal)), "the log tells of the full disk");
        var bob = demo.Connect("bob");
        await bob.WaitForAsync("todos", "title", "Milk");

        File.Delete(ballast);
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'room again' WHERE title = 'Milk'");
        await ann.WaitForAsync("todos", "title", "room again");
        var view = await bob.WaitForAsync("todos", "title", "room again");
        Assert.Equal(await demo.ExpectedAsync("bob"), DemoService.Shown(view));

        await demo.Process.KillAsync();
        await demo.Process.StartAsync();
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'after the kill' WHERE title = 'room again'");
        await ann.WaitForAsync("todos", "title", "after the kill");
        Assert.Equal(0, ann.DroppedBuckets);
    }

    public async ValueTask InitializeAsync() => _mounted = await RunAsync("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", _disk);

    public async ValueTask DisposeAsync()
    {
        if (_mounted)
            await RunAsync("umount", "-l", _disk);
        Directory.Delete(_disk);
    }

    private static void FillDisk(string path)
    {
        using var file = File.Create(path);
        var block = new byte[4096];
        try
        {
            while (true)
            {
                file.Write(block);
                file.Flush(flushToDisk: true);
            }
        }
        catch (IOException)
        {
            // Full, as it should be.
        }
    }

    private static async Task<bool> RunAsync(string command, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true });
            await process!.WaitForExitAsync();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false; // no such program
        }
    }
}
