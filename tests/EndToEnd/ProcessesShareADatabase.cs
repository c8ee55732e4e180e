using System.Collections.Concurrent;
using System.Threading.Channels;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>
/// Several processes have one database file open and write to it. One of them synchronises; it is killed, another takes its place, and so on. Every write of
/// every process takes effect in Postgres once, and the last one shows what is there.
/// </summary>
public sealed class ProcessesShareADatabase : IAsyncLifetime
{
    private const int Kills = 3;

    private readonly string _folder = Directory.CreateTempSubdirectory("topgun-client-").FullName;
    private readonly ConcurrentQueue<string> _written = new();

    [Fact]
    public async Task One_synchronises_at_a_time_and_whoever_is_killed_no_write_is_lost_or_repeated()
    {
        await using var demo = await DemoService.StartAsync();
        await EffectsTable.CreateAsync(demo.Database);
        await using var backend = await DemoBackendProcess.StartAsync(demo.Database);
        var members = new List<Member>();
        try
        {
            // All at once, on a file that is not there yet.
            for (var number = 0; number < 3; number++)
                members.Add(Start(demo, backend));
            foreach (var member in members)
                member.Role = await member.NextRoleAsync();

            for (var kill = 0; kill < Kills; kill++)
            {
                var leader = Assert.Single(members, member => member.Role == "leads");
                await leader.Process.SignalAsync("KILL");
                await leader.Process.WaitForExitAsync();
                await leader.Process.DisposeAsync();
                members.Remove(leader);

                var heir = await await Task.WhenAny(members.Select(async member => (member, role: await member.PeekRoleAsync())));
                Assert.Equal("leads", heir.role);
                heir.member.Role = await heir.member.NextRoleAsync();
                Assert.Equal(1, members.Count(member => member.Role == "leads"));
                members.Add(Start(demo, backend));
                members[^1].Role = await members[^1].NextRoleAsync();
                Assert.Equal("follows", members[^1].Role);
            }
            foreach (var member in members)
                await member.WroteAllAsync();
        }
        finally
        {
            foreach (var member in members)
                await member.Process.DisposeAsync();
        }

        await demo.Database.ExecuteAsync(
            $"INSERT INTO todos (id, list_id, title, created_by) VALUES (gen_random_uuid(), '{DemoService.SharedList}', 'the end', 'source')");
        await using var last = Run(demo, backend, "finish", static _ => { });
        Assert.True(await last.WaitForExitAsync() == 0, last.Output);

        var shown = last.Output.Split('\n').Where(line => line.StartsWith("row ", StringComparison.Ordinal)).Select(line => line[4..].TrimEnd('\r'));
        Assert.Equal(await demo.ExpectedAsync("ann"), shown.Order(StringComparer.Ordinal));
        await EffectsTable.AssertOnceEachAsync(demo.Database, _written);
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    private Member Start(DemoService demo, DemoBackendProcess backend)
    {
        var member = new Member();
        member.Process = Run(demo, backend, "share", line =>
        {
            if (line.StartsWith("wrote ", StringComparison.Ordinal))
                _written.Enqueue(line[6..]);
            member.Read(line);
        });
        return member;
    }

    private SupervisedProcess Run(DemoService demo, DemoBackendProcess backend, string mode, Action<string> lineRead) => SupervisedProcess.Start(
        "client-app",
        [
            Path.Combine(_folder, "device.db"),
            demo.Process.Url.ToString(),
            backend.UploadUrl.ToString(),
            new TestToken { Subject = "ann" }.ToString(),
            DemoService.SharedList,
            mode,
        ],
        [],
        lineRead);

    /// <summary>One of the processes, and what it says of itself.</summary>
    private sealed class Member
    {
        private readonly Channel<string> _roles = Channel.CreateUnbounded<string>();
        private readonly TaskCompletionSource _wroteAll = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _writes;

        public SupervisedProcess Process { get; set; } = null!;

        public string Role { get; set; } = "";

        public void Read(string line)
        {
            if (line is "leads" or "follows")
                _roles.Writer.TryWrite(line);
            else if (line.StartsWith("wrote ", StringComparison.Ordinal) && ++_writes == 100)
                _wroteAll.SetResult();
        }

        public async Task<string> NextRoleAsync()
        {
            await PeekRoleAsync();
            return await _roles.Reader.ReadAsync(TestContext.Current.CancellationToken);
        }

        /// <summary>Waits for the next role without taking it.</summary>
        public async Task<string> PeekRoleAsync()
        {
            try
            {
                await _roles.Reader.WaitToReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
            }
            catch (TimeoutException)
            {
                Assert.Fail($"It does not say whether it leads:\n{Process.Output}");
            }
            return _roles.Reader.TryPeek(out var role) ? role : "";
        }

        public Task WroteAllAsync() => _wroteAll.Task.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
    }
}
