using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>The process is given little memory, or few file handles: its own limits come first, and what goes on goes on.</summary>
public class ResourcesRunOut
{
    private const int Handles = 320;
    private const string NobodysList = "a0000000-0000-4000-8000-00000000ffff";

    [Fact]
    public async Task When_the_last_file_handles_are_in_use_new_connections_wait_and_open_streams_and_replication_go_on()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "File handles are counted on Linux.");
        await using var demo = await DemoService.CreateAsync();
        demo.Process.Through = ["sh", "-c", $"ulimit -n {Handles} && exec \"$@\"", "sh"];
        await demo.Process.StartAsync();
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");

        List<Socket> crowd = [];
        for (var count = 0; count < Handles; count++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, demo.Process.Url.Port), TestContext.Current.CancellationToken);
            crowd.Add(socket);
        }
        await demo.Process.WaitForLogAsync("TGB5004");
        var bob = demo.Connect("bob"); // stands behind the crowd
        for (var number = 1; number <= 20; number++)
        {
            await demo.Database.ExecuteAsync($"UPDATE todos SET title = 'in the crowd {number}' WHERE id = '{DemoService.AnnsTodo}'");
            await ann.WaitForAsync("todos", "title", $"in the crowd {number}");
        }

        foreach (var socket in crowd)
            socket.Dispose();
        var view = await bob.WaitAsync(_ => true, "a first checkpoint");
        Assert.Equal(await demo.ExpectedAsync("bob"), DemoService.Shown(view));
        Assert.Empty(ann.Violations);
        Assert.Equal(0, await demo.Process.StopAsync());
    }

    [Fact]
    public async Task A_process_of_256_MiB_takes_in_a_transaction_of_that_size_beside_its_clients()
    {
        using var group = MemoryGroup.TryCreate(256L << 20);
        Assert.SkipUnless(group is not null, "Run as root on Linux with the memory controller: the process is put into a control group of its own.");
        await using var demo = await DemoService.CreateAsync();
        demo.Process.Through = group.Through;
        await demo.Process.StartAsync();
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");
        Assert.Contains("hot buckets may take", demo.Process.Log, StringComparison.Ordinal); // and not the 512 MiB of the setting

        await demo.Database.ExecuteAsync(
            $"""
            BEGIN;
            INSERT INTO lists (id, name, owner_id) VALUES ('{NobodysList}', 'nobody', 'nobody');
            INSERT INTO todos (id, list_id, title, created_by) SELECT gen_random_uuid(), '{NobodysList}', n || repeat(md5(n::text), 4), 'load'
            FROM generate_series(1, 200000) n;
            INSERT INTO todos (id, list_id, title, created_by) VALUES (gen_random_uuid(), '{DemoService.SharedList}', 'the end', 'ann');
            COMMIT
            """);
        var bob = demo.Connect("bob");

        var view = await ann.WaitForAsync("todos", "title", "the end");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        await bob.WaitForAsync("todos", "title", "the end");
        Assert.Equal(0, await demo.Process.StopAsync());
    }

    /// <summary>A control group, of the first or the second kind, that limits the memory of what is started in it.</summary>
    private sealed class MemoryGroup : IDisposable
    {
        private readonly string _path;

        private MemoryGroup(string path) => _path = path;

        public IReadOnlyList<string> Through => ["sh", "-c", $"echo $$ > {_path}/cgroup.procs && exec \"$@\"", "sh"];

        public static MemoryGroup? TryCreate(long limit)
        {
            var isFirst = Directory.Exists("/sys/fs/cgroup/memory");
            var path = Path.Combine(isFirst ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup", $"topgun-{Guid.NewGuid():N}");
            try
            {
                Directory.CreateDirectory(path);
                File.WriteAllText(Path.Combine(path, isFirst ? "memory.limit_in_bytes" : "memory.max"), limit.ToString(CultureInfo.InvariantCulture));
                return new MemoryGroup(path);
            }
            catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
            {
                if (Directory.Exists(path))
                    Directory.Delete(path);
                return null;
            }
        }

        public void Dispose() => Directory.Delete(_path);
    }
}
