using System.Diagnostics;
using System.Threading.Channels;
using TopGun.Buckets.Client;
using TopGun.Buckets.Tests.Benchmarks.Measuring;

namespace TopGun.Buckets.Tests.Benchmarks.Live;

/// <summary>One row changes: how long until whoever watches it has it, beside an app that has no live queries and reads anew.</summary>
internal static class LiveBenchmark
{
    private sealed record Row(string Id, string? Title, long Done);

    public static async Task RunAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var queries = arguments.Int("queries", 1000);
        var rows = arguments.Int("list-rows", 10_000);
        var changes = arguments.Int("changes", 300);
        arguments.RejectUnread();
        await InFolderAsync(queries, client => MeasureQueriesAsync(client, queries, changes, cancellationToken), cancellationToken);
        await InFolderAsync(rows, client => MeasureListAsync(client, rows, changes, cancellationToken), cancellationToken);
    }

    /// <summary>Many queries, each for a row of its own, beside one query alone.</summary>
    private static async Task MeasureQueriesAsync(BucketsClient client, int queries, int changes, CancellationToken cancellationToken)
    {
        var (limit, _) = await FollowAsync(client, queries: 1, changes, from: 0, cancellationToken);
        var (figure, read) = await FollowAsync(client, queries, changes, from: 2 * changes, cancellationToken);
        new Measurement("live-queries", figure, "changes/s", limit, "the same with a single query, which every change concerns")
        {
            Parameters = new() { ["queries"] = queries, ["changes"] = changes, ["rows_read_per_change"] = (double)read / changes },
        }.Print();
    }

    /// <returns>Changes a second, each waited for, and the rows that the queries read meanwhile.</returns>
    private static async Task<(double Rate, long Read)> FollowAsync(
        BucketsClient client, int queries, int changes, int from, CancellationToken cancellationToken)
    {
        var read = 0L;
        var seen = Channel.CreateUnbounded<Row>();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watching = Enumerable.Range(0, queries).Select(query => WatchAsync(
            client.Watch("SELECT id, title, done FROM todos WHERE id = ?", row => Counted(row, ref read), [Id(query, queries)], over.Token), seen.Writer)).ToList();
        for (var query = 0; query < queries; query++)
            await seen.Reader.ReadAsync(cancellationToken);

        var rate = await RateAsync(changes, async change =>
        {
            if (change == 0)
                read = 0;
            var value = from + changes + change;
            await WriteAsync(client, Id(change, queries), value, cancellationToken);
            while ((await seen.Reader.ReadAsync(cancellationToken)).Done != value)
                ; // the news of another change
        });
        over.Cancel();
        await Task.WhenAll(watching);
        return (rate, read);
    }

    /// <summary>One long list.</summary>
    private static async Task MeasureListAsync(BucketsClient client, int rows, int changes, CancellationToken cancellationToken)
    {
        const string Query = "SELECT id, title, done FROM todos ORDER BY id";
        var limit = await RateAsync(changes, async change =>
        {
            await WriteAsync(client, Id(change, rows), change, cancellationToken);
            await client.QueryAsync(Query, Read, cancellationToken: cancellationToken);
        });

        var read = 0L;
        using var list = client.Live(Query, row => Counted(row, ref read));
        await list.Loaded.WaitAsync(cancellationToken);
        var events = Channel.CreateUnbounded<long>();
        list.CollectionChanged += (_, change) => events.Writer.TryWrite(((Row)change.NewItems![0]!).Done);
        var allocated = 0L;
        read = 0;
        var figure = await RateAsync(changes, async change =>
        {
            if (change == 0)
                (read, allocated) = (0, GC.GetTotalAllocatedBytes(precise: true));
            await WriteAsync(client, Id(change, rows), changes + change, cancellationToken);
            while (await events.Reader.ReadAsync(cancellationToken) != changes + change)
                ; // the news of another change
        });
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        new Measurement("live-list", figure, "changes/s", limit, "the same write, then reading every row into an object again")
        {
            Parameters = new()
            {
                ["rows"] = rows, ["changes"] = changes, ["rows_read_per_change"] = (double)read / changes, ["allocated_bytes_per_change"] = allocated / changes,
            },
        }.Print();
    }

    private static async Task<double> RateAsync(int changes, Func<int, Task> changeAsync)
    {
        for (var change = 0; change < Math.Min(changes, 50); change++)
            await changeAsync(-1 - change); // compiles what is measured
        var start = Stopwatch.GetTimestamp();
        for (var change = 0; change < changes; change++)
            await changeAsync(change);
        return changes / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static async Task WatchAsync(IAsyncEnumerable<IReadOnlyList<Row>> results, ChannelWriter<Row> seen)
    {
        try
        {
            await foreach (var rows in results)
                seen.TryWrite(rows[0]);
        }
        catch (OperationCanceledException)
        {
            // The measurement is over.
        }
    }

    private static Task WriteAsync(BucketsClient client, string id, int value, CancellationToken cancellationToken) =>
        client.ExecuteAsync("UPDATE todos SET done = ? WHERE id = ?", [value, id], cancellationToken);

    private static async Task InFolderAsync(int rows, Func<BucketsClient, Task> measureAsync, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("topgun-benchmark-");
        try
        {
            await using var client = await BucketsClient.OpenAsync(
                new BucketsClientOptions
                {
                    DatabasePath = Path.Combine(folder.FullName, "client.db"),
                    Schema = new LocalSchema(new LocalTable("todos", LocalColumn.Text("title"), LocalColumn.Integer("done"))),
                    WatchThrottle = TimeSpan.Zero,
                },
                cancellationToken);
            await client.ExecuteAsync(
                "WITH RECURSIVE n(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM n WHERE x + 1 < ?) "
                + "INSERT INTO todos(id, title, done) SELECT printf('t%06d', x), 'Title of row ' || x, -100 FROM n",
                [rows], cancellationToken);
            await measureAsync(client);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Id(int number, int count) => FormattableString.Invariant($"t{Math.Abs(number * 7919L % count):D6}");

    private static Row Read(RowReader row) => new(row.GetText(0)!, row.GetText(1), row.GetInt64(2));

    private static Row Counted(RowReader row, ref long count)
    {
        Interlocked.Increment(ref count);
        return Read(row);
    }
}
