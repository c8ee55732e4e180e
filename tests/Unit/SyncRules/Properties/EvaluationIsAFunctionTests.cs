using System.Text.Json;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Unit.SyncRules.Properties.Sqlite;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Properties;

/// <summary>What a row or a request gives depends on nothing else: not on what was evaluated before, and not on what others evaluate at the same time.</summary>
public sealed class EvaluationIsAFunctionTests
{
    private const int Threads = 4;

    [Fact]
    public void A_row_gives_the_same_after_any_other_rows()
    {
        foreach (var seed in PropertyRun.Seeds(300))
        {
            var random = new Random(seed);
            if (Generate(random) is not { } rules)
                continue;
            var data = new SampleData(random);
            foreach (var (table, rows) in data.Rows)
            {
                var alone = rows.Select(row => Evaluate(rules.ForTable(SampleData.Source(table)), row)).ToList();
                var used = rules.ForTable(SampleData.Source(table));
                for (var repetition = 0; repetition < 2; repetition++)
                {
                    foreach (var index in Shuffled(random, rows.Count))
                        Assert.True(alone[index].SequenceEqual(Evaluate(used, rows[index])), $"seed {seed}, row {index} of {table}");
                }
            }
        }
    }

    /// <summary>A damaged row in between leaves nothing behind.</summary>
    [Fact]
    public void A_row_gives_the_same_after_one_that_failed()
    {
        var rules = new RuleSetHarness("""
            config: {edition: 3}
            streams:
              s:
                auto_subscribe: true
                query: SELECT id, j ->> 'k' AS k FROM t WHERE auth.user_id() IN t.j AND upper(a) = 'P'
            """).Rules;
        var source = RuleSetHarness.Table("t", ("id", RuleSetHarness.Text), ("a", RuleSetHarness.Text), ("j", RuleSetHarness.Text));
        var evaluator = rules.ForTable(source);
        var good = RuleSetHarness.Row("1", "p", "[\"x\",\"y\"]");
        var expected = Lines(evaluator, good);

        var failed = Lines(evaluator, RuleSetHarness.Row("2", "p", "[\"x\",\"z\""));

        Assert.Contains("error Data s", failed);
        Assert.Equal(expected, Lines(evaluator, good));
    }

    [Fact]
    public async Task Rows_and_requests_give_the_same_on_several_threads_at_once()
    {
        foreach (var seed in PropertyRun.Seeds(60))
        {
            var random = new Random(seed);
            if (Generate(random) is not { } rules)
                continue;
            var data = new SampleData(random);
            var requests = Enumerable.Range(0, 5).Select(_ => SampleData.Request(random)).ToList();
            var expected = Everything(rules, data, requests);

            var answers = await Task.WhenAll(Enumerable.Range(0, Threads).Select(_ => Task.Run(() => Everything(rules, data, requests))));

            Assert.All(answers, answer => Assert.True(expected.SequenceEqual(answer), $"seed {seed}"));
        }
    }

    private static RuleSet? Generate(Random random)
    {
        var rules = random.Next(2) == 0 ? RandomRules.Definition(random) : RandomRules.Stream3(random);
        return RuleSet.Parse(rules.Yaml, new RuleSetOptions()).Rules;
    }

    // One evaluator for each table and thread: evaluators reuse their buffers, the rules behind them are shared.
    private static List<string> Everything(RuleSet rules, SampleData data, List<SampleRequest> requests)
    {
        var lines = new List<string>();
        foreach (var (table, rows) in data.Rows)
        {
            var evaluator = rules.ForTable(SampleData.Source(table));
            lines.AddRange(rows.SelectMany(row => Evaluate(evaluator, row)));
        }
        foreach (var request in requests)
        {
            var resolution = rules.BucketsFor(new BucketRequest(
                RuleSetHarness.Json(JsonSerializer.Serialize(request.Token)), RuleSetHarness.Json(JsonSerializer.Serialize(request.Connection)), true,
                [.. request.Subscriptions.Select(parameters => new StreamSubscription("s", RuleSetHarness.Json(JsonSerializer.Serialize(parameters)), null))]));
            lines.AddRange(resolution.Pending.Count > 0 ? resolution.Pending : resolution.Buckets.Select(bucket => bucket.Name));
        }
        return lines;
    }

    private static List<string> Evaluate(TableEvaluator evaluator, string?[] row) => Lines(evaluator, RuleSetHarness.Row(row));

    private static List<string> Lines(TableEvaluator evaluator, SourceRow row)
    {
        var sink = new CollectingSink();
        evaluator.Evaluate(row, sink);
        return sink.Lines;
    }

    private static int[] Shuffled(Random random, int count)
    {
        var order = Enumerable.Range(0, count).ToArray();
        random.Shuffle(order);
        return order;
    }
}
