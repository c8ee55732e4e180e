using System.Globalization;
using Npgsql;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Service;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.EndToEnd;

/// <summary>
/// Commit to client while each write to the store takes seconds, beside the same with the store as it is; then the process is killed, and the next one has
/// to give a client the same operations under the same ids.
/// </summary>
internal static class StallBenchmark
{
    private const string Database = "stalling_store";
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(2);

    public static async Task MeasureAsync(BenchmarkSource source, BenchmarkData data, int commits, int stallMilliseconds, CancellationToken cancellationToken)
    {
        await source.ExecuteAsync($"CREATE DATABASE {Database}", cancellationToken);
        var builder = new NpgsqlConnectionStringBuilder(source.ConnectionString) { Database = Database };
        await using var store = NpgsqlDataSource.Create(builder.ConnectionString);
        using var client = new ServiceClient(data);
        IReadOnlyDictionary<string, (uint Checksum, ulong LastOpId)> held;
        Latencies usual, stalled;
        long last, writes;
        await using (var service = ServiceProcess.Start(source, "postgres", ("DATABASE_URL", builder.ConnectionString)))
        {
            using var stream = await client.FirstCheckpointAsync(service, cancellationToken);
            await Task.Delay(Settling, cancellationToken); // what the snapshot left to do is not what is measured
            (usual, last) = await RunAsync(source, stream, first: 1, commits, cancellationToken);
            await StallAsync(store, stallMilliseconds, cancellationToken);
            var before = await WritesAsync(store, cancellationToken);
            (stalled, last) = await RunAsync(source, stream, last + 1, commits, cancellationToken);
            writes = await WritesAsync(store, cancellationToken) - before;
            held = stream.Held;
            await service.KillAsync();
        }

        await ExecuteAsync(store, "DROP TRIGGER stall ON topgun_store.topgun_store", cancellationToken);
        await using (var service = ServiceProcess.Start(source, "postgres", ("DATABASE_URL", builder.ConnectionString)))
        {
            using var stream = await client.FirstCheckpointAsync(service, cancellationToken);
            await stream.ReadUntilAsync(last, cancellationToken);
            if (stream.MarkerSeen != last || !stream.Held.OrderBy(bucket => bucket.Key).SequenceEqual(held.OrderBy(bucket => bucket.Key)))
                throw new InvalidDataException("After the kill a client does not get what was seen before it.");
            await service.StopAsync();
        }
        await source.DropSlotsAsync(ServiceProcess.SlotPrefix, cancellationToken);

        foreach (var (name, share) in ((string, double)[])[("p50", 0.5), ("p99", 0.99)])
        {
            new Measurement($"stall.{name}", stalled.Percentile(share), "ms", usual.Percentile(share), "the same, with the store as it is")
            {
                Parameters = new()
                {
                    ["commits"] = stalled.Count,
                    ["interval_ms"] = PacedCommits.Interval.TotalMilliseconds,
                    ["stall_ms"] = stallMilliseconds,
                    ["store_writes"] = writes,
                    ["lost_by_kill"] = 0, // or it would have failed
                    ["from"] = "commit acknowledged",
                },
            }.Print();
        }
    }

    private static async Task<(Latencies Delays, long Last)> RunAsync(
        BenchmarkSource source, SyncStream stream, long first, int commits, CancellationToken cancellationToken)
    {
        var paced = new PacedCommits(first, commits);
        var following = paced.FollowAsync(stream, cancellationToken);
        await paced.WriteAsync(source, cancellationToken);
        return (paced.Delays(await following), paced.Last);
    }

    private static Task StallAsync(NpgsqlDataSource store, int milliseconds, CancellationToken cancellationToken) => ExecuteAsync(
        store,
        string.Create(
            CultureInfo.InvariantCulture,
            $"""
            CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep({milliseconds} / 1000.0); RETURN NEW; END';
            CREATE TRIGGER stall BEFORE UPDATE OF last_write ON topgun_store.topgun_store FOR EACH ROW EXECUTE FUNCTION stall();
            """),
        cancellationToken);

    private static async Task<long> WritesAsync(NpgsqlDataSource store, CancellationToken cancellationToken)
    {
        await using var command = store.CreateCommand("SELECT last_write FROM topgun_store.topgun_store");
        return (long)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private static async Task ExecuteAsync(NpgsqlDataSource store, string sql, CancellationToken cancellationToken)
    {
        await using var command = store.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
