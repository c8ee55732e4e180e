using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Service;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.EndToEnd;

/// <summary>
/// Thousands of clients that wait: what each costs in memory, and how long one changed row takes to the last of them; beside plain Kestrel with as many
/// streams of the same bytes.
/// </summary>
internal static class IdleBenchmark
{
    private const int WarmUp = 200; // connections that come and go before anything is counted
    private const int AtOnce = 100; // connections that are opened at a time
    private const int WarmUpChanges = 3;
    private const int Users = 100;
    private const string User = "idle user";
    private const string Fanout = "plain Kestrel writing the same bytes to as many streams";

    public static async Task MeasureAsync(
        BenchmarkSource source, BenchmarkData data, int connections, int changes, CancellationToken cancellationToken)
    {
        await using var service = ServiceProcess.Start(source, data.Store);
        using var client = new ServiceClient(data);
        using (await client.FirstCheckpointAsync(service, cancellationToken))
        {
        }
        using var http = new HttpClient { Timeout = Timeout.InfiniteTimeSpan };
        using var witness = await SyncStream.OpenAsync(http, service.Address, ClientToken.For($"{User} 00"), cancellationToken);
        var first = new ArrayBufferWriter<byte>();
        await witness.ReadCheckpointAsync(first, cancellationToken);
        var marker = 1L;
        var change = new ArrayBufferWriter<byte>();
        await CommitAsync(source, marker, cancellationToken);
        await witness.ReadCheckpointAsync(change, cancellationToken);

        // One after the other: both at once would be more sockets than a process may have in most places.
        var ours = await MeasureAsync(service.Address, service.ProcessId, () => CommitAsync(source, ++marker, cancellationToken));
        await service.StopAsync();
        await source.DropSlotsAsync(ServiceProcess.SlotPrefix, cancellationToken);
        using var plain = await PlainProcess.StartAsync(first.WrittenMemory, cancellationToken);
        var theirs = await MeasureAsync(plain.Address, plain.ProcessId, () => SendAsync(http, plain.Address, change.WrittenMemory, cancellationToken));

        Print("idle.memory", ours.KiB, "KiB", theirs.KiB, "plain Kestrel streams of the same bytes", connections, data);
        foreach (var (name, share) in ((string, double)[])[("p50", 0.5), ("p99", 0.99)])
            Print($"idle.last.{name}", ours.ToLast.Percentile(share), "ms", theirs.ToLast.Percentile(share), Fanout, connections, data);
        foreach (var (name, share) in ((string, double)[])[("p50", 0.5), ("p99", 0.99)])
            Print($"idle.each.{name}", ours.ToEach.Percentile(share), "ms", theirs.ToEach.Percentile(share), Fanout, connections, data);

        async Task<(double KiB, Latencies ToLast, Latencies ToEach)> MeasureAsync(Uri address, int processId, Func<Task> change)
        {
            var (memory, streams) = await OpenAsync(address, processId, connections, cancellationToken);
            var (toLast, toEach) = (new Latencies(), new Latencies());
            for (var round = -WarmUpChanges; round < changes; round++)
            {
                var delays = await ToEachAsync(streams, change, cancellationToken);
                if (round < 0)
                    continue;
                toLast.Add(delays.Max());
                foreach (var delay in delays)
                    toEach.Add(delay);
            }
            foreach (var stream in streams)
                stream.Dispose();
            return (memory, toLast, toEach);
        }
    }

    /// <returns>KiB of each stream, and the streams.</returns>
    private static async Task<(double KiB, List<QuietStream> Streams)> OpenAsync(
        Uri address, int processId, int count, CancellationToken cancellationToken)
    {
        foreach (var stream in await OpenStreamsAsync(address, WarmUp, cancellationToken))
            stream.Dispose();
        var before = ResidentKiB(processId);
        var streams = await OpenStreamsAsync(address, count, cancellationToken);
        return ((ResidentKiB(processId) - before) / count, streams);
    }

    private static async Task<List<QuietStream>> OpenStreamsAsync(Uri address, int count, CancellationToken cancellationToken)
    {
        var streams = new List<QuietStream>(count);
        // One user may not have as many streams.
        var tokens = Enumerable.Range(0, Users).Select(static number => ClientToken.For($"{User} {number:D2}")).ToList();
        while (streams.Count < count)
        {
            streams.AddRange(await Task.WhenAll(Enumerable.Range(streams.Count, Math.Min(AtOnce, count - streams.Count))
                .Select(number => QuietStream.OpenAsync(address, tokens[number % Users], cancellationToken))));
        }
        return streams;
    }

    private static async Task<TimeSpan[]> ToEachAsync(List<QuietStream> streams, Func<Task> change, CancellationToken cancellationToken)
    {
        var arrived = Task.WhenAll(streams.ConvertAll(stream => stream.ReadCheckpointAsync(cancellationToken)));
        await change();
        var start = Stopwatch.GetTimestamp();
        return Array.ConvertAll(await arrived, at => Stopwatch.GetElapsedTime(start, at));
    }

    private static async Task CommitAsync(BenchmarkSource source, long marker, CancellationToken cancellationToken)
    {
        await using var command = source.DataSource.CreateCommand(BenchmarkData.MarkSql(marker));
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task SendAsync(HttpClient http, Uri address, ReadOnlyMemory<byte> lines, CancellationToken cancellationToken)
    {
        using var response = await http.PostAsync(new Uri(address, "send"), new ReadOnlyMemoryContent(lines), cancellationToken);
        response.EnsureSuccessStatusCode();
    }

    private static double ResidentKiB(int processId) =>
        ProcessCpu.ResidentMiB(processId) * 1024 ?? throw new InvalidOperationException("The measured process has ended.");

    private static void Print(string name, double figure, string unit, double limit, string limitOf, int connections, BenchmarkData data) =>
        new Measurement(name, figure, unit, limit, limitOf)
        {
            Parameters = new() { ["connections"] = connections, ["store"] = data.Store, ["rounds"] = 1 },
        }.Print();

    /// <summary>This program as <see cref="PlainStreams"/>.</summary>
    private sealed class PlainProcess : IDisposable
    {
        private readonly Process _process;
        private readonly string _file;

        private PlainProcess(Process process, string file, Uri address) => (_process, _file, Address) = (process, file, address);

        public Uri Address { get; }

        public int ProcessId => _process.Id;

        public static async Task<PlainProcess> StartAsync(ReadOnlyMemory<byte> lines, CancellationToken cancellationToken)
        {
            var file = Path.GetTempFileName();
            await File.WriteAllBytesAsync(file, lines, cancellationToken);
            var address = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Support.FreePort.Next()}/"));
            var process = Process.Start(
                Environment.ProcessPath!, ["kestrel", "--listen", address.GetLeftPart(UriPartial.Authority), "--lines", file]);
            var plain = new PlainProcess(process, file, address);
            while (true)
            {
                try
                {
                    (await QuietStream.OpenAsync(address, "none", cancellationToken)).Dispose();
                    return plain;
                }
                catch (System.Net.Sockets.SocketException) when (!process.HasExited)
                {
                    await Task.Delay(20, cancellationToken); // not listening yet
                }
            }
        }

        public void Dispose()
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
            File.Delete(_file);
        }
    }
}
