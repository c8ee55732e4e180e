using TopGun.Buckets.Grid;
using TopGun.Buckets.Streaming.Sessions;
using TopGun.Buckets.Tests.Unit.BucketLog;
using TopGun.Buckets.Tests.Unit.Grid;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming;

/// <summary>Random histories of rows and memberships through one client that comes and goes, in a grid that is too small for them.</summary>
public class SessionModelTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 25)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task A_client_ends_with_exactly_its_buckets_whatever_happens_on_the_way(int seed)
    {
        var random = new Random(seed);
        var log = await TestLog.StartedAsync(new GridOptions { MemoryLimitBytes = 1 << 20 });
        var rules = new FakeRules { Fixed = { ("fixed[]", 1) }, Lookups = { "mine", "shared" } };
        var member = new Dictionary<string, string>(); // entry → record
        var replica = new Replica();
        SessionUnderTest? session = null;

        for (var round = 1; round <= 40; round++)
        {
            session ??= Open(log, rules, replica, random);
            for (var change = random.Next(1, 12); change > 0; change--)
                Change(log, member, random);
            // A line now and then in between, so that checkpoints meet a download that is under way.
            for (var line = random.Next(4); line > 0; line--)
                Change(log, member, random);

            log.Begin().WriteCheckpoint("u1/device", (ulong)round).Commit();
            if (random.Next(4) == 0)
            {
                for (var line = random.Next(6); line > 0 && replica.WriteCheckpoint < (ulong)round; line--)
                    replica.Receive((await session.NextAsync())!);
                await session.DisposeAsync();
                session = null;
                continue;
            }
            while (replica.WriteCheckpoint < (ulong)round || !replica.IsComplete)
                replica.Receive((await session.NextAsync())!);

            var expected = member.Values.Select(record => record.Split('!')[0]).Append("fixed[]").Order(StringComparer.Ordinal).Distinct().ToList();
            Assert.Equal(expected, replica.Buckets.Order(StringComparer.Ordinal));
            foreach (var bucket in expected)
                Assert.Equal(log.Model.GetValueOrDefault(bucket, []).Select(op => op.OpId), replica.OpsOf(bucket));
        }
        if (session is not null)
            await session.DisposeAsync();
        Assert.Equal(0, log.Grid.Subscriptions);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task A_client_ends_with_the_same_rows_when_its_buckets_are_compacted_under_it(int seed)
    {
        var random = new Random(seed);
        var log = await TestLog.StartedAsync(new GridOptions { MemoryLimitBytes = 1 << 20 });
        var rules = new FakeRules { Fixed = { ("list[0]", 1), ("list[1]", 1), ("list[2]", 2), ("fixed[]", 3) } };
        var replica = new Replica();
        var steps = new Queue<Action>();
        var session = Open(log, rules, replica, random);
        for (var round = 1; round <= 40; round++)
        {
            for (var change = random.Next(1, 8); change > 0; change--)
                Change(log, [], random);
            log.Begin().WriteCheckpoint("u1/device", (ulong)round).Commit();
            while (replica.WriteCheckpoint < (ulong)round || !replica.IsComplete)
            {
                if (steps.Count == 0)
                    steps = await log.CompactAsync(random.Next(4) == 0 ? "fixed[]" : $"list[{random.Next(3)}]", random);
                for (var step = random.Next(4); step > 0 && steps.Count > 0; step--)
                    steps.Dequeue()();
                if (random.Next(6) == 0)
                    Change(log, [], random);
                replica.Receive((await session.NextAsync())!);
            }
            foreach (var bucket in rules.Fixed.Select(definition => definition.Item1))
            {
                var expected = ReducedBucket.Of(log.Model.GetValueOrDefault(bucket, []).Where(op => op.OpId <= replica.Completed));
                Assert.True(expected.Rows.Values.SequenceEqual(replica.RowsOf(bucket)), $"seed {seed}, round {round}, {bucket}");
            }
            if (random.Next(5) == 0)
            {
                await session.DisposeAsync();
                session = Open(log, rules, replica, random);
            }
        }
        await session.DisposeAsync();
        Assert.True(replica.Placeholders > 0, $"seed {seed}: nothing compacted was ever read");
    }

    private static SessionUnderTest Open(TestLog log, FakeRules rules, Replica replica, Random random) => SessionUnderTest.Open(
        log,
        rules,
        buckets: [.. replica.Positions.Select(position => new BucketPosition(position.Bucket, position.After))],
        settings: new SessionSettings { MaxOpsInLine = random.Next(1, 8), MinOpsBeforeCutOver = random.Next(1, 20) },
        pipeBytes: random.Next(200, 5000));

    private static void Change(TestLog log, Dictionary<string, string> member, Random random)
    {
        var bucket = $"list[{random.Next(6)}]";
        switch (random.Next(8))
        {
            case 0:
                log.Store_all();
                break;
            case 1:
                var entry = $"row{random.Next(6)}";
                var record = random.Next(3) == 0 ? null : $"{bucket}!{random.Next(4)}";
                if (record is null)
                    member.Remove(entry);
                else
                    member[entry] = record;
                // A right and the rows it is about, in one transaction.
                log.Begin().Put(bucket, $"t{random.Next(20)}").Lookup("mine", entry, record).Commit();
                break;
            default:
                var transaction = log.Begin();
                for (var op = random.Next(1, 30); op > 0; op--)
                    transaction.Put(random.Next(5) == 0 ? "fixed[]" : bucket, $"t{random.Next(20)}", new string('x', random.Next(2000)));
                transaction.Commit();
                break;
        }
    }
}
