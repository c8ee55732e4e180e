using System.Diagnostics;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Benchmarks.Measuring;

namespace TopGun.Buckets.Tests.Benchmarks.Source;

/// <summary>The limit of streaming: <c>pg_recvlogical</c> reading a backlog from a slot of its own to /dev/null.</summary>
internal sealed class WalReceiver(BenchmarkSource source)
{
    private const string Slot = "benchmark_limit";
    private static readonly TimeSpan SampleInterval = TimeSpan.FromMilliseconds(10);

    /// <summary>Makes the slot, or moves it up to now: the backlog starts here.</summary>
    public async Task StartBacklogAsync(CancellationToken cancellationToken)
    {
        // A checkpoint logs the running transactions, which is what lets a slot forget the WAL before it: the drain must not decode that again.
        await source.ExecuteAsync("CHECKPOINT", cancellationToken);
        await source.ExecuteAsync($"""
            SELECT pg_create_logical_replication_slot('{Slot}', 'pgoutput')
            WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '{Slot}')
            """, cancellationToken);
        await source.ExecuteAsync($"SELECT pg_replication_slot_advance('{Slot}', pg_current_wal_flush_lsn())", cancellationToken);
    }

    /// <summary>Reads the backlog.</summary>
    /// <param name="upTo">End of the last commit.</param>
    /// <param name="cancellationToken">Ends the program.</param>
    /// <returns>Time from its start to its end, and CPU time of the server process that sent to it.</returns>
    public async Task<(TimeSpan Elapsed, double WalSenderSeconds)> DrainAsync(Lsn upTo, CancellationToken cancellationToken)
    {
        // The same protocol version and text format as the service reads.
        var command = new ProcessStartInfo(source.Program("pg_recvlogical"),
        [
            "--dbname", source.Uri, "--slot", Slot, "--start", "--no-loop", "--file", "/dev/null", "--endpos", upTo.ToString(),
            "--option", "proto_version=1", "--option", $"publication_names={BenchmarkData.Publication}",
        ]);
        var start = Stopwatch.GetTimestamp();
        using var process = Process.Start(command) ?? throw new InvalidOperationException("pg_recvlogical did not start.");
        try
        {
            var cpu = FollowCpuAsync(process, cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            var elapsed = Stopwatch.GetElapsedTime(start);
            return process.ExitCode == 0
                ? (elapsed, await cpu)
                : throw new InvalidOperationException($"pg_recvlogical ended with {process.ExitCode}.");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    public Task DropAsync(CancellationToken cancellationToken) => source.DropSlotsAsync(Slot, cancellationToken);

    /// <summary>CPU time of the slot's walsender, which ends with the program, so it is read again and again until then.</summary>
    private async Task<double> FollowCpuAsync(Process receiver, CancellationToken cancellationToken)
    {
        int? sender = null;
        var seconds = 0.0;
        while (!receiver.HasExited)
        {
            sender ??= await SenderAsync(source, Slot, cancellationToken);
            seconds = sender is { } id && ProcessCpu.Seconds(id) is { } now ? now : seconds;
            await Task.Delay(SampleInterval, cancellationToken);
        }
        return seconds;
    }

    /// <summary>The server process that sends to the reader of a slot, or null while nobody reads it.</summary>
    public static async Task<int?> SenderAsync(BenchmarkSource source, string slotPrefix, CancellationToken cancellationToken) =>
        await source.ReadAsync<int>(
            $"SELECT active_pid FROM pg_replication_slots WHERE starts_with(slot_name, '{slotPrefix}') AND active", cancellationToken) is var id and > 0
            ? id
            : null;
}
