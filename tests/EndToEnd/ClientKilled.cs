using System.Collections.Concurrent;
using System.Globalization;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>
/// SIGKILL to a client at random moments, while it downloads and uploads: in the end it is equal to Postgres, and each of its writes took effect once.
/// </summary>
public sealed class ClientKilled : IAsyncLifetime
{
    private const int Kills = 20;

    private readonly string _folder = Directory.CreateTempSubdirectory("topgun-client-").FullName;
    private readonly ConcurrentQueue<string> _written = new();

    [Fact]
    public async Task Killed_at_random_moments_it_loses_no_write_and_repeats_none()
    {
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {seed}"));
        var random = new Random(seed);
        await using var demo = await DemoService.StartAsync();
        await EffectsTable.CreateAsync(demo.Database);
        await using var backend = await DemoBackendProcess.StartAsync(demo.Database);

        for (var kill = 0; kill < Kills; kill++)
        {
            await using var client = StartClient(demo, backend, "write");
            await demo.Database.ExecuteAsync(
                $"""
                INSERT INTO todos (id, list_id, title, created_by)
                SELECT gen_random_uuid(), '{DemoService.SharedList}', 'source {kill}-' || n, 'source' FROM generate_series(1, 200) n
                """);
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(200, 1200)), TestContext.Current.CancellationToken);
            Assert.False(client.HasExited, client.Output);
            await client.SignalAsync("KILL");
            await client.WaitForExitAsync();
        }

        await demo.Database.ExecuteAsync(
            $"INSERT INTO todos (id, list_id, title, created_by) VALUES (gen_random_uuid(), '{DemoService.SharedList}', 'the end', 'source')");
        await using var last = StartClient(demo, backend, "finish");
        Assert.True(await last.WaitForExitAsync() == 0, last.Output);

        var shown = last.Output.Split('\n').Where(line => line.StartsWith("row ", StringComparison.Ordinal)).Select(line => line[4..].TrimEnd('\r'));
        Assert.Equal(await demo.ExpectedAsync("ann"), shown.Order(StringComparer.Ordinal));
        Assert.True(_written.Count > Kills, $"Only {_written.Count} writes were made.");
        await EffectsTable.AssertOnceEachAsync(demo.Database, _written);
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    private SupervisedProcess StartClient(DemoService demo, DemoBackendProcess backend, string mode) => SupervisedProcess.Start(
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
        line =>
        {
            if (line.StartsWith("wrote ", StringComparison.Ordinal))
                _written.Enqueue(line[6..]);
        });
}
