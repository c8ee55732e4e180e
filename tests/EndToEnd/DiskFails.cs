using System.Diagnostics;
using System.Globalization;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>The system answers the running service's own calls with errors: what is uncertain ends the process, the next start goes on, nothing is lost.</summary>
public class DiskFails
{
    [Theory]
    [InlineData("fsync:error=EIO", "TGB2001")]
    [InlineData("pwrite64,pwritev:error=EIO", "TGB2001")]
    public async Task An_input_output_error_ends_the_process_and_nothing_is_lost(string fault, string code)
    {
        await using var demo = await DemoService.StartAsync();
        var history = new OpHistory();
        var ann = demo.Connect("ann", history);
        await ann.WaitForAsync("todos", "title", "Milk");

        await using (await Injection.StartAsync(demo.Process, fault))
        {
            await demo.Database.ExecuteAsync("UPDATE todos SET title = 'on a bad disk' WHERE title = 'Milk'");
            Assert.Equal(1, await demo.Process.WaitForExitAsync());
        }
        Assert.Contains(code, demo.Process.Log, StringComparison.Ordinal);

        await demo.Process.StartAsync();
        var view = await ann.WaitForAsync("todos", "title", "on a bad disk");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        var bob = await demo.Connect("bob", history).WaitForAsync("todos", "title", "on a bad disk");
        Assert.Equal(await demo.ExpectedAsync("bob"), DemoService.Shown(bob));
        Assert.Equal(0, ann.DroppedBuckets);
    }

    [Fact]
    public async Task Without_room_for_a_write_it_waits_and_goes_on_when_there_is_some()
    {
        await using var demo = await DemoService.StartAsync();
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");

        await using (await Injection.StartAsync(demo.Process, "pwrite64,pwritev:error=ENOSPC"))
        {
            await demo.Database.ExecuteAsync("UPDATE todos SET title = 'on a full disk' WHERE title = 'Milk'");
            await Patience.UntilAsync(
                () => Task.FromResult(demo.Process.Log.Contains("has no room left", StringComparison.Ordinal)), "the log tells of the full disk");
            await ann.WaitForAsync("todos", "title", "on a full disk"); // visible from RAM
        }
        await Patience.UntilAsync(() => Task.FromResult(demo.Process.Log.Contains("has room again", StringComparison.Ordinal)), "it is written after all");

        await demo.Process.KillAsync();
        await demo.Process.StartAsync();
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'after the kill' WHERE title = 'on a full disk'");
        var view = await ann.WaitForAsync("todos", "title", "after the kill");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.Equal(0, ann.DroppedBuckets);
    }

    [Fact]
    public async Task Without_file_handles_open_streams_live_and_new_ones_come_when_there_are_some()
    {
        await using var demo = await DemoService.StartAsync();
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");
        var id = (await demo.Process.ProcessIdAsync()).ToString(CultureInfo.InvariantCulture);
        var used = Directory.GetFileSystemEntries($"/proc/{id}/fd").Length;
        Assert.SkipUnless(await RunAsync("prlimit", "--pid", id, string.Create(CultureInfo.InvariantCulture, $"--nofile={used}:{used + 4096}")), "prlimit is needed: apt-get install util-linux.");

        // More come than can be taken; whoever is not taken is told so by nothing, and tries again.
        var turnedAway = Enumerable.Range(0, 20).Select(_ => demo.Connect("bob")).ToList();
        for (var number = 1; number <= 3; number++)
        {
            await demo.Database.ExecuteAsync($"UPDATE todos SET title = 'without handles {number}' WHERE id = '{DemoService.AnnsTodo}'");
            await ann.WaitForAsync("todos", "title", $"without handles {number}");
        }

        Assert.True(await RunAsync("prlimit", "--pid", id, string.Create(CultureInfo.InvariantCulture, $"--nofile={used + 4096}:{used + 4096}")));
        foreach (var bob in turnedAway)
            Assert.Equal(await demo.ExpectedAsync("bob"), DemoService.Shown(await bob.WaitForAsync("todos", "title", "Milk")));
        Assert.Equal(0, await demo.Process.StopAsync());
    }

    private static async Task<bool> RunAsync(string command, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true, RedirectStandardOutput = true });
            await process!.WaitForExitAsync(TestContext.Current.CancellationToken);
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false; // no such program
        }
    }

    /// <summary>strace, attached to the service and answering some of its calls with errors until it is disposed.</summary>
    private sealed class Injection : IAsyncDisposable
    {
        private readonly Process _strace;

        private Injection(Process strace) => _strace = strace;

        public static async Task<Injection> StartAsync(ServiceProcess service, string fault)
        {
            var id = (await service.ProcessIdAsync()).ToString(CultureInfo.InvariantCulture);
            string[] arguments = ["-f", "-q", "-p", id, "-e", $"trace={fault.Split(':')[0]}", "-e", $"inject={fault}", "-o", "/dev/null"];
            Process? strace = null;
            try
            {
                strace = Process.Start(new ProcessStartInfo("strace", arguments) { RedirectStandardError = true });
            }
            catch (System.ComponentModel.Win32Exception)
            {
                Assert.Skip("strace is needed: apt-get install strace.");
            }
            var injection = new Injection(strace!);
            await Patience.UntilAsync(() => Task.FromResult(strace!.HasExited || IsTraced(id)), "strace is attached");
            if (!strace!.HasExited)
                return injection;
            var said = await strace.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            await injection.DisposeAsync();
            Assert.Skip($"strace may not attach to processes here: {said}");
            return injection;
        }

        public async ValueTask DisposeAsync()
        {
            if (!_strace.HasExited)
            {
                using var interrupt = Process.Start("kill", ["-INT", _strace.Id.ToString(CultureInfo.InvariantCulture)]);
                await interrupt.WaitForExitAsync();
                await _strace.WaitForExitAsync();
            }
            _strace.Dispose();
        }

        // Every thread, those that write among them.
        private static bool IsTraced(string id)
        {
            try
            {
                return Directory.GetDirectories($"/proc/{id}/task").All(task =>
                    File.ReadLines(Path.Combine(task, "status")).First(line => line.StartsWith("TracerPid:", StringComparison.Ordinal)) != "TracerPid:\t0");
            }
            catch (IOException)
            {
                return false; // a thread ended meanwhile
            }
        }
    }
}
