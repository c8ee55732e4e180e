using System.Diagnostics;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Service;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.EndToEnd;

/// <summary>
/// A backlog of row changes, written while the service is held, until a client's verified checkpoint covers the last of them; beside
/// <c>pg_recvlogical</c> reading the same backlog to /dev/null.
/// </summary>
internal static class StreamBenchmark
{
    private static readonly TimeSpan DurableDeadline = TimeSpan.FromSeconds(60);

    public static async Task MeasureAsync(
        BenchmarkSource source, BenchmarkData data, int changes, int[] perTransaction, int rounds, CancellationToken cancellationToken)
    {
        if (changes / 2 > data.Tasks)
            throw new ArgumentException("--changes is at most twice --rows: half of the changes update rows, each once.");

        await using var service = ServiceProcess.Start(source, data.Store);
        using var client = new ServiceClient(data);
        using var stream = await client.FirstCheckpointAsync(service, cancellationToken);
        var receiver = new WalReceiver(source);
        foreach (var size in perTransaction)
        {
            // A service that follows its source has compiled its code long ago: one backlog of each kind is not counted.
            await DrainAsync(source, data, service, stream, receiver, changes, size, serviceFirst: true, cancellationToken);
            var drained = new List<Drained>();
            for (var round = 0; round < rounds; round++)
                drained.Add(await DrainAsync(source, data, service, stream, receiver, changes, size, serviceFirst: round % 2 == 1, cancellationToken));
            Print(drained, changes, size, data.Store);
        }
        await receiver.DropAsync(cancellationToken);
        await service.StopAsync();
        await source.DropSlotsAsync(ServiceProcess.SlotPrefix, cancellationToken);
    }

    /// <summary>One backlog, read by both.</summary>
    private static async Task<Drained> DrainAsync(
        BenchmarkSource source,
        BenchmarkData data,
        ServiceProcess service,
        SyncStream stream,
        WalReceiver receiver,
        int changes,
        int perTransaction,
        bool serviceFirst,
        CancellationToken cancellationToken)
    {
        await SettleAsync(source, stream, receiver, cancellationToken);
        var marker = stream.MarkerSeen + 1;
        var ops = stream.Ops;
        var result = new Drained();

        service.Hold();
        var serviceCpu = service.CpuSeconds();
        await DisconnectAsync(source, cancellationToken);
        await data.ChangeAsync(source, changes, perTransaction, marker, cancellationToken);
        var upTo = await source.FlushedAsync(cancellationToken);
        if (!serviceFirst)
            await ReceiveAsync();
        service.Resume();
        await service.WhileRunningAsync(stream.ReadUntilAsync(marker, cancellationToken));
        var completed = DateTime.UtcNow - Stopwatch.GetElapsedTime(stream.CompletedAt);

        var (sender, started) = await SenderAsync(source, cancellationToken);
        result.Seconds = (completed - started).TotalSeconds;
        await AcknowledgedAsync(source, upTo, cancellationToken);
        result.AcknowledgedSeconds = (DateTime.UtcNow - started).TotalSeconds;
        result.ServiceCpu = service.CpuSeconds() - serviceCpu;
        result.SenderCpu = ProcessCpu.Seconds(sender)
            ?? throw new InvalidOperationException("The service lost its connection to the source while it was measured.");
        result.ClientOps = stream.Ops - ops;
        if (serviceFirst)
            await ReceiveAsync();
        return result;

        async Task ReceiveAsync()
        {
            var (elapsed, cpu) = await receiver.DrainAsync(upTo, cancellationToken);
            result.LimitSeconds = elapsed.TotalSeconds;
            result.LimitSenderCpu = cpu;
        }
    }

    /// <summary>Lets both slots forget what came before, so that neither reader's server process has to decode it again.</summary>
    private static async Task SettleAsync(BenchmarkSource source, SyncStream stream, WalReceiver receiver, CancellationToken cancellationToken)
    {
        var marker = stream.MarkerSeen + 1;
        await receiver.StartBacklogAsync(cancellationToken);
        await source.ExecuteAsync(BenchmarkData.MarkSql(marker), cancellationToken);
        await stream.ReadUntilAsync(marker, cancellationToken);
        await AcknowledgedAsync(source, await source.FlushedAsync(cancellationToken), cancellationToken);
    }

    /// <summary>
    /// Ends the held service's connection: otherwise the server would fill its socket with a good part of the backlog while nobody counts the time.
    /// </summary>
    private static async Task DisconnectAsync(BenchmarkSource source, CancellationToken cancellationToken)
    {
        var sender = (await SenderAsync(source, cancellationToken)).ProcessId;
        await source.ExecuteAsync($"SELECT pg_terminate_backend({sender}, 10000)", cancellationToken);
    }

    /// <summary>The server process that the service reads from, and when it came into being, by the clock of this machine.</summary>
    private static async Task<(int ProcessId, DateTime StartedAt)> SenderAsync(BenchmarkSource source, CancellationToken cancellationToken)
    {
        var sender = await WalReceiver.SenderAsync(source, ServiceProcess.SlotPrefix, cancellationToken)
            ?? throw new InvalidOperationException("The service does not read its slot.");
        return (sender, await source.ReadAsync<DateTime>($"SELECT backend_start FROM pg_stat_replication WHERE pid = {sender}", cancellationToken));
    }

    /// <summary>The service acknowledges what is durable, so until then it has work to do.</summary>
    private static async Task AcknowledgedAsync(BenchmarkSource source, Lsn upTo, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        while (await source.LsnAsync(
            $"SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE starts_with(slot_name, '{ServiceProcess.SlotPrefix}')", cancellationToken) < upTo)
        {
            if (Stopwatch.GetElapsedTime(start) > DurableDeadline)
                throw new TimeoutException($"The service has not acknowledged {upTo} within {DurableDeadline.TotalSeconds} s.");
            await Task.Delay(20, cancellationToken);
        }
    }

    private static void Print(List<Drained> drained, int changes, int perTransaction, string store)
    {
        double Median(Func<Drained, double> of) => Rounds.Median(drained.Select(of));
        double PerMillion(Func<Drained, double> cpu) => Median(cpu) * 1e6 / changes;

        new Measurement(
            "stream",
            Median(result => changes / result.Seconds),
            "row changes/s",
            Median(result => changes / result.LimitSeconds),
            "pg_recvlogical of the same backlog to /dev/null")
        {
            Parameters = new()
            {
                ["rows_per_transaction"] = perTransaction,
                ["changes"] = changes,
                ["client_ops"] = drained[^1].ClientOps,
                ["acknowledged_s"] = Math.Round(Median(result => result.AcknowledgedSeconds), 2),
                ["format"] = "pgoutput 1, text",
                ["store"] = store,
                ["rounds"] = drained.Count,
            },
        }.Print();
        new Measurement(
            "stream.cpu",
            PerMillion(result => result.ServiceCpu),
            "CPU s/million row changes",
            PerMillion(result => result.SenderCpu),
            "the service's walsender")
        {
            Parameters = new()
            {
                ["rows_per_transaction"] = perTransaction,
                ["changes"] = changes,
                ["pg_recvlogical_walsender"] = Math.Round(PerMillion(result => result.LimitSenderCpu), 2),
                ["store"] = store,
                ["rounds"] = drained.Count,
            },
        }.Print();
    }

    /// <summary>What one round measured.</summary>
    private sealed class Drained
    {
        /// <summary>From the moment at which the server had the service's new connection.</summary>
        public double Seconds { get; set; }

        public double AcknowledgedSeconds { get; set; }

        public double ServiceCpu { get; set; }

        public double SenderCpu { get; set; }

        public long ClientOps { get; set; }

        public double LimitSeconds { get; set; }

        public double LimitSenderCpu { get; set; }
    }
}
