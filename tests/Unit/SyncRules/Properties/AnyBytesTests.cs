using System.Text;
using System.Text.Json;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Properties;

/// <summary>Any bytes as a rules file or as a query give rules or findings, never an exception, and soon.</summary>
public sealed class AnyBytesTests
{
    private const long MaxBytes = 64 << 20;

    // Tells work that grows with the square of the input from work that does not, on any machine; how long it takes is for the benchmark
    // "files" to say.
    private static readonly TimeSpan MaxTime = TimeSpan.FromSeconds(1);

    private static readonly byte[][] Files = [.. SampleFiles.All.Select(Encoding.UTF8.GetBytes)];
    private static readonly byte[][] Queries = [.. SampleFiles.All.SelectMany(SampleFiles.Queries).Distinct().Select(Encoding.UTF8.GetBytes)];

    [Fact]
    public void Any_damaged_sample_is_rules_or_findings()
    {
        foreach (var seed in PropertyRun.Seeds(3000))
            AssertHandled(FileMutation.Mutate(new Random(seed), Files), $"seed {seed}");
    }

    [Fact]
    public void Any_damaged_query_is_rules_or_findings()
    {
        foreach (var seed in PropertyRun.Seeds(3000))
        {
            var random = new Random(seed);
            var query = FileMutation.Mutate(random, Queries);
            AssertQuery(query, $"seed {seed}");

            var text = JsonSerializer.Serialize(query);
            AssertHandled(random.Next(3) switch
            {
                0 => $"bucket_definitions:\n  b:\n    parameters: SELECT request.user_id() AS p\n    data: [{text}]\n",
                1 => $"bucket_definitions:\n  b:\n    parameters: [{text}]\n    data: []\n",
                _ => $"config: {{edition: {random.Next(2, 4)}}}\nstreams:\n  s:\n    query: {text}\n",
            }, $"seed {seed}");
        }
    }

    [Fact]
    public void Any_noise_is_findings()
    {
        foreach (var seed in PropertyRun.Seeds(1000))
        {
            var random = new Random(seed);
            var bytes = new byte[random.Next(2000)];
            random.NextBytes(bytes);
            AssertHandled(Encoding.UTF8.GetString(bytes), $"seed {seed}");
            AssertQuery(Encoding.UTF8.GetString(bytes), $"seed {seed}");
        }
    }

    /// <summary>Inputs made to be expensive, each as long as a file may be.</summary>
    [Theory]
    [MemberData(nameof(ExpensiveNames))]
    public void A_file_made_to_be_expensive_is_answered_soon(string name) => AssertHandled(ExpensiveRules.Make(name), name);

    public static IEnumerable<TheoryDataRow<string>> ExpensiveNames() => ExpensiveRules.Names.Select(name => new TheoryDataRow<string>(name));

    private static void AssertHandled(string yaml, string what)
    {
        RuleSetResult result = null!;
        var (time, bytes) = Effort.Of(() => result = RuleSet.Parse(yaml, new RuleSetOptions()), MaxTime);

        var hasErrors = result.Findings.Any(finding => finding.Severity == RuleSeverity.Error);
        Assert.True(result.Rules is null == hasErrors, $"{what}: {Start(yaml)}");
        Assert.True(time <= MaxTime && bytes <= MaxBytes, $"{what}: {yaml.Length} characters took {time.TotalMilliseconds} ms and {bytes >> 20} MB\n{Start(yaml)}");
    }

    private static void AssertQuery(string text, string what)
    {
        var (time, bytes) = Effort.Of(
            () =>
            {
                try
                {
                    SqlParser.ParseQuery(text, _ => { }, out _);
                }
                catch (SqlProblem)
                {
                }
            },
            MaxTime);
        Assert.True(time <= MaxTime && bytes <= MaxBytes, $"{what}: {text.Length} characters took {time.TotalMilliseconds} ms and {bytes >> 20} MB\n{Start(text)}");
    }

    private static string Start(string text) => text[..Math.Min(text.Length, 500)];
}
