using System.Globalization;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Benchmarks.Measuring;

namespace TopGun.Buckets.Tests.Benchmarks.Rules;

/// <summary>Evaluating rows under 1, 10 and 100 definitions that all read the table, beside writing the rows' JSON once each and nothing else.</summary>
internal static class RulesBenchmark
{
    public static Task RunAsync(BenchmarkArguments arguments, CancellationToken cancellationToken)
    {
        var definitions = arguments.Ints("definitions", 1, 10, 100);
        var rounds = arguments.Int("rounds", 3);
        arguments.RejectUnread();

        var rows = TaskRows.Create(count: 1000, lists: 100);
        foreach (var count in definitions)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Measure(rows, count, rounds);
        }
        return Task.CompletedTask;
    }

    private static void Measure(SourceRow[] rows, int definitions, int rounds)
    {
        var evaluator = Parse(definitions).ForTable(TaskRows.Table);
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
        if (sink.Buckets != rows.Length * definitions)
            throw new InvalidOperationException($"{rows.Length} rows are in {sink.Buckets} buckets, not in {definitions} each.");
        var allocatedBefore = GC.GetAllocatedBytesForCurrentThread();
        Evaluate();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - allocatedBefore;

        var (figure, limit) = Rounds.Alternate(
            rounds,
            figure: Evaluate,
            limit: () =>
            {
                foreach (var row in rows)
                    jsonBytes += json.Encode(row).Length;
                return rows.Length;
            });

        new Measurement("rules", figure, "rows/s", limit, "writing the row's JSON alone")
        {
            Parameters = new()
            {
                ["definitions"] = definitions,
                ["buckets_per_row"] = definitions,
                ["allocated_bytes_per_row"] = Math.Round((double)allocated / rows.Length, 2),
                ["rounds"] = rounds,
            },
        }.Print();
    }

    /// <summary>Definitions that differ in the constant they compare with, so none can be answered by another.</summary>
    private static RuleSet Parse(int definitions)
    {
        var yaml = "bucket_definitions:\n" + string.Concat(Enumerable.Range(0, definitions).Select(number => string.Create(
            CultureInfo.InvariantCulture,
            $"""
              by_list_{number}:
                parameters: SELECT request.user_id() AS list_id
                data:
                  - SELECT * FROM tasks WHERE list_id = bucket.list_id AND priority < {number + 10}

            """)));
        var result = RuleSet.Parse(yaml, new RuleSetOptions());
        return result.Rules ?? throw new InvalidOperationException(string.Join('\n', result.Findings));
    }

    private sealed class CountingSink : IRowSink
    {
        public long Bytes { get; private set; }

        public long Buckets { get; private set; }

        public void Row(ReadOnlySpan<byte> table, ReadOnlySpan<byte> id, ReadOnlySpan<byte> data) => Bytes += data.Length;

        public void Bucket(ReadOnlySpan<byte> name) => Buckets++;

        public void Lookup(ReadOnlySpan<byte> key, ReadOnlySpan<byte> record) =>
            throw new InvalidOperationException("No query of this benchmark reads a parameter from a table.");

        public void Error(RowError error) => throw new InvalidOperationException(error.Message);
    }
}
