using TopGun.Buckets.BucketLog;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>Other rules while a log goes on, at any point of it and through crashes.</summary>
public class DeploymentTests
{
    private const int TransactionCount = 60;
    private const string First = "bucket_definitions:\n  all: {data: [SELECT * FROM todos]}\n";

    public static IEnumerable<TheoryDataRow<int>> Seeds => Enumerable.Range(1, 120).Select(seed => new TheoryDataRow<int>(seed));

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Deployed_at_any_point_the_store_holds_what_it_would_hold_had_the_rules_been_there_from_the_start(int seed)
    {
        var random = new Random(seed);
        var transactions = new RandomSource(seed).Make(TransactionCount);
        var first = RandomRules.Make(random);
        var deployments = Enumerable.Range(0, 1 + random.Next(3)).Select(_ => random.Next(4) == 0 ? first : RandomRules.Make(random)).ToList();
        var last = deployments[^1];
        var disk = new NullColdStorage();

        var deployed = await RunAsync(disk, first, transactions, deployments, random);

        await using var fresh = await DeployFixture.OpenAsync(new NullColdStorage(), last);
        await fresh.AppendAsync(transactions);
        await fresh.FlushAsync();
        Assert.Equal(await fresh.RowsAsync(), await deployed.RowsAsync());
        Assert.Equal(await fresh.LookupsAsync(), await deployed.LookupsAsync());
        Assert.Equal(last, deployed.Log.Rules.Active.Text);
        await deployed.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Buckets_whose_definition_is_the_same_have_the_operations_they_would_have_had(int seed)
    {
        var random = new Random(seed);
        var transactions = new RandomSource(seed).Make(TransactionCount);
        var (first, second) = (RandomRules.Make(random), RandomRules.Make(random));
        await using var undisturbed = await DeployFixture.OpenAsync(new NullColdStorage(), first);
        await undisturbed.AppendAsync(transactions);
        await undisturbed.FlushAsync();

        await using var deployed = await RunAsync(new NullColdStorage(), first, transactions, [second], random);

        var kept = undisturbed.Log.Rules.Versions.Intersect(deployed.Log.Rules.Versions).ToHashSet();
        foreach (var bucket in await undisturbed.BucketsAsync())
        {
            if (kept.Contains(int.Parse(bucket[..bucket.IndexOf('#')], null)))
                Assert.Equal(await undisturbed.OpsAsync(bucket), await deployed.OpsAsync(bucket));
        }
    }

    [Fact]
    public async Task What_an_earlier_version_did_not_make_of_the_same_file_is_filled_when_it_is_deployed_again()
    {
        const string Later = First + "event_definitions:\n  write_checkpoints: {payloads: [\"SELECT id AS user_id, id AS checkpoint FROM todos\"]}\n";
        var disk = new NullColdStorage();
        await using (var before = await DeployFixture.OpenAsync(disk, First))
        {
            await before.AppendAsync(new RandomSource(1).Make(TransactionCount));
            await before.FlushAsync();
        }
        var earlier = await LogRules.OpenAsync(
            disk, Later, static (_, versions, indexVersions) => DeployFixture.Compile(First, versions, indexVersions), DateTimeOffset.UnixEpoch, TestContext.Current.CancellationToken);
        Assert.False(earlier.Begin(new DeployRequest(Later, IsFile: false, Lsn.None), DateTimeOffset.UnixEpoch));
        var write = new StoreWrite();
        write.Records.Put(RecordTable.Meta, MetaKey.Rules, earlier.Serialize());
        await disk.WriteAsync(write, TestContext.Current.CancellationToken);

        await using var log = await DeployFixture.OpenAsync(disk, Later);
        Assert.True(log.Log.Rules.IsStale);
        Assert.Equal(DeployOutcome.Begun, await log.BeginAsync(Later));
        await log.FinishAsync();

        Assert.False(log.Log.Rules.IsStale);
        Assert.Contains("event write_checkpoints:1[", string.Concat(await log.LookupsAsync()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_rules_are_being_built_others_take_their_place_and_those_in_force_end_it()
    {
        var transactions = new RandomSource(1).Make(TransactionCount);
        await using var fixture = await DeployFixture.OpenAsync(new NullColdStorage(), First, buildRows: 1);
        await fixture.AppendAsync(transactions);

        Assert.Equal(DeployOutcome.Begun, await fixture.BeginAsync(First + "  more: {data: [SELECT id FROM todos]}\n"));
        await fixture.StepAsync();
        Assert.Equal(DeploymentPhase.Building, fixture.Log.Deployment.Phase);
        Assert.Equal(DeployOutcome.Replaced, await fixture.BeginAsync(First + "  other: {data: [SELECT id FROM todos]}\n"));
        await fixture.StepAsync();
        Assert.Equal(DeployOutcome.Cancelled, await fixture.BeginAsync(First));
        await fixture.FinishAsync();

        Assert.Equal((DeploymentPhase.None, 1), (fixture.Log.Deployment.Phase, fixture.Log.Rules.Active.Number));
        Assert.Equal(DeployOutcome.Unchanged, await fixture.BeginAsync(First));
        Assert.DoesNotContain(await fixture.BucketsAsync(), bucket => !bucket.StartsWith("1#all[", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_deployment_that_was_begun_before_waits_until_somebody_knows_how_far_the_source_had_come()
    {
        var disk = new NullColdStorage();
        var fixture = await DeployFixture.OpenAsync(disk, First, buildRows: 1);
        await fixture.AppendAsync(new RandomSource(1).Make(TransactionCount));
        await fixture.BeginAsync(First + "  more: {data: [SELECT id FROM todos]}\n");
        await fixture.CrashAsync();

        var silent = await DeployFixture.OpenAsync(disk, First, buildRows: 1);
        var end = new Lsn(silent.Start.Position.Value + 5);
        await silent.AppendAsync(new PositionReached(end));
        Assert.Null(silent.Log.WorkDelay);
        await silent.CrashAsync();

        await using var next = await DeployFixture.OpenAsync(disk, First, buildRows: 1, sourceEnd: end);
        Assert.Null(next.Log.WorkDelay);
        await next.AppendAsync(new PositionReached(new Lsn(end.Value - 1)));
        Assert.Null(next.Log.WorkDelay);
        await next.AppendAsync(new PositionReached(end));
        Assert.Equal(TimeSpan.Zero, next.Log.WorkDelay);
    }

    /// <summary>Runs a log to its end: transactions, deployments and their work, in a random order, with crashes between.</summary>
    private static async Task<DeployFixture> RunAsync(
        NullColdStorage disk, string rules, IReadOnlyList<TransactionCommitted> transactions, IReadOnlyList<string> deployments, Random random)
    {
        var shown = new SortedDictionary<ulong, string>();
        var mode = random.Next(3) == 0 ? PublishMode.Durable : PublishMode.Memory;
        var fixture = await DeployFixture.OpenAsync(disk, rules, 1 + random.Next(8), mode);
        var (next, deployed) = (0, 0);
        while (next < transactions.Count || deployed < deployments.Count || fixture.Log.WorkDelay == TimeSpan.Zero)
        {
            switch (random.Next(12))
            {
                case 0 when deployed < deployments.Count:
                    await fixture.BeginAsync(deployments[deployed++]);
                    break;
                case < 5 when next < transactions.Count:
                    await fixture.AppendAsync(transactions[next++]);
                    break;
                case < 9:
                    await fixture.StepAsync();
                    break;
                case 9:
                    await fixture.FlushAsync();
                    break;
                case 10 when random.Next(3) == 0:
                    await fixture.CrashAsync();
                    Remember(shown, fixture.Seen);
                    // The source sends again what it was not told of; before that no deployment goes on, whoever tries.
                    fixture = await DeployFixture.OpenAsync(
                        disk, rules, 1 + random.Next(8), mode, next == 0 ? Lsn.None : transactions[next - 1].Transaction.EndPosition);
                    foreach (var sent in transactions.Take(next))
                    {
                        await fixture.StepAsync();
                        await fixture.AppendAsync(sent);
                    }
                    break;
            }
        }
        await fixture.FlushAsync();
        Remember(shown, fixture.Seen);
        return fixture;
    }

    /// <summary>What was shown under an op id is shown again under it, and nothing else.</summary>
    private static void Remember(SortedDictionary<ulong, string> shown, RecordingSubscriber seen)
    {
        foreach (var (opId, content) in seen.Contents)
        {
            if (opId <= (seen.Visible?.LastOpId.Value ?? 0) && !shown.TryAdd(opId, content))
                Assert.Equal(shown[opId], content);
        }
    }
}
