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
        await CountEffectsAsync(demo.Database);
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
        Assert.Equal(0, await demo.Database.ReadAsync<long>("SELECT count(*) FROM (SELECT id FROM effects GROUP BY id HAVING count(*) > 1) twice"));
        Assert.True(_written.Count > Kills, $"Only {_written.Count} writes were made.");
        await using var missing = demo.Database.DataSource.CreateCommand(
            "SELECT count(*) FROM unnest($1::uuid[]) written LEFT JOIN effects ON effects.id = written WHERE effects.id IS NULL");
        missing.Parameters.AddWithValue(_written.Select(Guid.Parse).ToArray());
        Assert.Equal(0L, await missing.ExecuteScalarAsync(TestContext.Current.CancellationToken));
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    // Applying an insert twice leaves the same row: only a trigger can tell.
    private static Task CountEffectsAsync(PostgresDatabase database) => database.ExecuteAsync(
        """
        CREATE TABLE effects (id uuid NOT NULL);
        CREATE FUNCTION note_effect() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO effects VALUES (NEW.id); RETURN NULL; END $$;
        CREATE TRIGGER note_effect AFTER INSERT OR UPDATE ON todos FOR EACH ROW WHEN (NEW.created_by = 'device') EXECUTE FUNCTION note_effect();
        """);

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
