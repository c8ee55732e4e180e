using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using SQLitePCL;
using TopGun.Buckets.Client;
using TopGun.Buckets.Tests.Benchmarks.Measuring;
using TopGun.Buckets.Tests.Benchmarks.Service;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.Apply;

/// <summary>
/// The client of <see cref="ApplyBenchmark"/>, a process of its own so that its memory is nobody else's: syncs for the first time, then takes changes in, and
/// prints what that took.
/// </summary>
internal static class ApplyClient
{
    /// <summary>What a run took.</summary>
    /// <param name="FirstSyncSeconds">From connecting until the client says that it is in step.</param>
    /// <param name="ChangesSeconds">From there until it shows the last change.</param>
    /// <param name="AllocatedBytes">Managed memory allocated meanwhile, whatever became of it.</param>
    /// <param name="PeakBytes">How much the process grew beyond what it had when the empty database was open.</param>
    /// <param name="SqliteBytes">Most that SQLite had at once, its caches above all.</param>
    /// <param name="LongestWriteSeconds">Longest that a small write of the app's took during the first sync.</param>
    /// <param name="Writes">How many there were.</param>
    public sealed record Taken(
        double FirstSyncSeconds, double ChangesSeconds, long AllocatedBytes, long PeakBytes, long SqliteBytes, double LongestWriteSeconds, int Writes);

    public static async Task RunAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var service = new Uri(arguments.Text("service") ?? throw new ArgumentException("--service names the address."));
        var file = arguments.Text("file") ?? throw new ArgumentException("--file names the database.");
        var writes = arguments.Text("writes") is not null;
        arguments.RejectUnread();
        await Console.Out.WriteLineAsync(JsonSerializer.Serialize(await MeasureAsync(file, service, writes, cancellationToken)));
    }

    /// <summary>Runs it in a process of its own.</summary>
    public static async Task<Taken> InProcessAsync(string file, Uri service, bool writes, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(
            Environment.ProcessPath!, ["apply-client", "--service", service.ToString(), "--file", file, .. writes ? new[] { "--writes", "yes" } : []])
        {
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start) ?? throw new InvalidOperationException("The client did not start.");
        try
        {
            var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return process.ExitCode == 0 && JsonSerializer.Deserialize<Taken>(output) is { } taken
                ? taken
                : throw new InvalidOperationException($"The client failed with {process.ExitCode}: {output}");
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }

    private static async Task<Taken> MeasureAsync(string file, Uri service, bool writes, CancellationToken cancellationToken)
    {
        await using var client = await BucketsClient.OpenAsync(
            new BucketsClientOptions
            {
                DatabasePath = file,
                Schema = new LocalSchema(
                    new LocalTable(
                        "tasks",
                        LocalColumn.Text("list_id"),
                        LocalColumn.Text("owner_id"),
                        LocalColumn.Text("description"),
                        LocalColumn.Integer("done"),
                        LocalColumn.Integer("priority"),
                        LocalColumn.Text("created_at"),
                        LocalColumn.Text("done_at")),
                    new LocalTable("drafts", LocalColumn.Integer("value")) { Kind = TableKind.LocalOnly }),
                Endpoint = service,
                Credentials = CredentialsFrom.Token(ClientToken.For(BenchmarkData.ClientUser)),
            },
            cancellationToken);
        await client.ExecuteAsync("INSERT INTO drafts(id, value) VALUES('d', 0)", cancellationToken: cancellationToken);
        var (before, allocated, start) = (Memory("VmRSS"), GC.GetTotalAllocatedBytes(precise: true), Stopwatch.GetTimestamp());
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var writing = writes ? WriteAsync(client, over.Token) : Task.FromResult((Longest: 0.0, Count: 0));

        await client.ConnectAsync(cancellationToken);
        await StatusAsync(client, status => status.HasSynced, cancellationToken);
        var first = Stopwatch.GetElapsedTime(start);
        over.Cancel();
        await StatusAsync(client, status => status.ShownWriteCheckpoint == RecordedStream.LastWriteCheckpoint, cancellationToken);
        var all = Stopwatch.GetElapsedTime(start);
        var (longest, count) = await writing;
        return new Taken(
            first.TotalSeconds, (all - first).TotalSeconds, GC.GetTotalAllocatedBytes(precise: true) - allocated, Memory("VmHWM") - before,
            raw.sqlite3_memory_highwater(0), longest, count);
    }

    private static async Task StatusAsync(BucketsClient client, Func<SyncStatus, bool> condition, CancellationToken cancellationToken)
    {
        var status = await client.WaitForStatusAsync(status => condition(status) || status.DownloadError is not null, cancellationToken);
        if (status.DownloadError is { } failure)
            throw new InvalidOperationException("The client could not sync.", failure);
    }

    /// <summary>Writes now and then, as somebody who uses the app meanwhile.</summary>
    private static async Task<(double Longest, int Count)> WriteAsync(BucketsClient client, CancellationToken over)
    {
        var (longest, count) = (0.0, 0);
        while (!over.IsCancellationRequested)
        {
            var start = Stopwatch.GetTimestamp();
            await client.ExecuteAsync("UPDATE drafts SET value = value + 1", cancellationToken: CancellationToken.None);
            longest = Math.Max(longest, Stopwatch.GetElapsedTime(start).TotalSeconds);
            count++;
            await Task.Delay(10, CancellationToken.None);
        }
        return (longest, count);
    }

    private static long Memory(string what)
    {
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(what + ":", StringComparison.Ordinal));
        return 1024 * long.Parse(line.AsSpan(what.Length + 1, line.Length - what.Length - 1 - " kB".Length).Trim(), CultureInfo.InvariantCulture);
    }
}
