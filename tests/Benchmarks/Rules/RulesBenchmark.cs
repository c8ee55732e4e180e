using System.Globalization;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Benchmarks.Measuring;

namespace TopGun.Buckets.Tests.Benchmarks.Rules;

/// <summary>The two hot functions of the rules: which buckets a row is in, and which buckets a request gets.</summary>
internal static class RulesBenchmark
{
    public static Task RunAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var definitions = arguments.Ints("definitions", 1, 10, 100);
        var buckets = arguments.Ints("buckets", 10, 1000, 50_000);
        var rounds = arguments.Int("rounds", 3);
        arguments.RejectUnread();

        var rows = TaskRows.Create(count: 1000, lists: 100);
        foreach (var count in definitions)
        {
            cancellationToken.ThrowIfCancellationRequested();
            EvaluateRow(rows, count, matching: count, rounds);
            if (count > 1)
                EvaluateRow(rows, count, matching: 1, rounds);
        }
        foreach (var count in buckets)
        {
            foreach (var way in ResolutionSample.Ways)
            {
                cancellationToken.ThrowIfCancellationRequested();
                BucketsFor(new ResolutionSample(way, count), rounds);
            }
        }
        return Task.CompletedTask;
    }

    /// <summary>Rows under definitions that all read the table, beside writing the rows' JSON once each and nothing else.</summary>
    private static void EvaluateRow(SourceRow[] rows, int definitions, int matching, int rounds)
    {
        var evaluator = Parse(definitions, matching).ForTable(TaskRows.Table);
        var sink = new CountingSink();
        var json = new RowJson(TaskRows.Table);
        var jsonBytes = 0L;

        long Evaluate()
        {
            foreach (var row in rows)
                evaluator.Evaluate(row, sink);
            return rows.Length;
        }

        Evaluate();
        if (sink.Buckets != rows.Length * matching)
            throw new InvalidOperationException($"{rows.Length} rows are in {sink.Buckets} buckets, not in {matching} each.");
        if (!sink.Last.Span.SequenceEqual(json.Encode(rows[^1])))
            throw new InvalidOperationException("The limit writes other JSON than the rules.");
        sink.KeepsLast = false;
        var allocated = Allocated(() => Evaluate());

        var (figure, limit) = Rounds.Alternate(
            rounds,
            figure: Evaluate,
            limit: () =>
            {
                foreach (var row in rows)
                    jsonBytes += json.Encode(row).Length;
                return rows.Length;
            });

        new Measurement("evaluate_row", figure, "rows/s", limit, "writing the row's JSON alone")
        {
            Parameters = new()
            {
                ["definitions"] = definitions,
                ["matching"] = matching,
                ["allocated_bytes_per_row"] = Math.Round((double)allocated / rows.Length, 2),
                ["rounds"] = rounds,
            },
        }.Print();
    }

    /// <summary>A request's buckets, beside writing their names.</summary>
    private static void BucketsFor(ResolutionSample sample, int rounds)
    {
        if (sample.Resolve() != sample.Count)
            throw new InvalidOperationException($"The request has {sample.Resolve()} buckets, not {sample.Count}.");
        var allocated = Allocated(() => sample.Resolve());

        var (figure, limit) = Rounds.Alternate(rounds, () => sample.Resolve(), () => sample.WriteNames());

        new Measurement("buckets_for", figure, "buckets/s", limit, "writing the buckets' names")
        {
            Parameters = new()
            {
                ["buckets"] = sample.Count,
                ["found_by"] = sample.Way,
                ["allocated_bytes_per_bucket"] = Math.Round((double)allocated / sample.Count, 1),
                ["rounds"] = rounds,
            },
        }.Print();
    }

    private static long Allocated(Action work)
    {
        work();
        var before = GC.GetAllocatedBytesForCurrentThread();
        work();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    /// <summary>Definitions that differ in the constant they compare with, so none can be answered by another.</summary>
    /// <param name="definitions">How many read the table.</param>
    /// <param name="matching">How many have a condition that every row meets; the rows' priorities are 0 to 4.</param>
    private static RuleSet Parse(int definitions, int matching)
    {
        var yaml = "bucket_definitions:\n" + string.Concat(Enumerable.Range(0, definitions).Select(number => string.Create(
            CultureInfo.InvariantCulture,
            $"""
              by_list_{number}:
                parameters: SELECT request.user_id() AS list_id
                data:
                  - SELECT * FROM tasks WHERE list_id = bucket.list_id AND priority {(number < matching ? "<" : ">")} {number + 10}

            """)));
        var result = RuleSet.Parse(yaml, new RuleSetOptions());
        return result.Rules ?? throw new InvalidOperationException(string.Join('\n', result.Findings));
    }

    private sealed class CountingSink : IRowSink
    {
        public long Bytes { get; private set; }

        public long Buckets { get; private set; }

        /// <summary>Whether the JSON of the last row is kept.</summary>
        public bool KeepsLast { get; set; } = true;

        public ReadOnlyMemory<byte> Last { get; private set; }

        public void Row(ReadOnlySpan<byte> table, ReadOnlySpan<byte> id, ReadOnlySpan<byte> data)
        {
            Bytes += data.Length;
            if (KeepsLast)
                Last = data.ToArray();
        }

        public void Bucket(ReadOnlySpan<byte> name) => Buckets++;

        public void Lookup(ReadOnlySpan<byte> key, ReadOnlySpan<byte> record) =>
            throw new InvalidOperationException("No query of this benchmark reads a parameter from a table.");

        public void Error(RowError error) => throw new InvalidOperationException(error.Message);
    }
}
