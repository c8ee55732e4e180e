using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Unit.Grid;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming;

/// <summary>Write checkpoints that are rows of the source, as a stream tells of them.</summary>
public class ReadWriteCheckpointTests
{
    private const string Key = "event write_checkpoints:1[\"u1/device\"]";

    private static RuleSet Rules => new SyncRules.RuleSetHarness(
        """
        bucket_definitions:
          a: {data: [SELECT id FROM lists]}
        event_definitions:
          write_checkpoints: {payloads: ["SELECT user_id, client_id, checkpoint FROM checkpoints"]}
        """).Rules;

    [Fact]
    public async Task The_number_comes_with_the_checkpoint_that_holds_its_row_and_never_goes_back()
    {
        var log = await TestLog.StartedAsync();
        log.Begin().Put("a[]", "t1").Lookup(Key, "r1", "[3]").Commit();
        await using var session = SessionUnderTest.Open(log, Rules);
        Assert.Equal("3", Told(await session.NextCheckpointAsync()));

        log.Begin().Put("a[]", "t2").Lookup(Key, "r1", "[\"4\"]").Commit();
        Assert.Equal("4", Told(await session.NextCheckpointAsync()));
        log.Begin().Lookup(Key, "r2", "[5]").Commit();
        Assert.Equal("5", Told(await session.NextCheckpointAsync()));

        log.Begin().Put("a[]", "t3").Lookup(Key, "r2", null).Commit();
        Assert.Equal("5", Told(await session.NextCheckpointAsync()));
    }

    [Fact]
    public async Task A_number_that_comes_makes_nobody_look_for_buckets_again()
    {
        var log = await TestLog.StartedAsync();
        var rules = new FakeRules { HasWriteCheckpoints = true, WriteCheckpointKeys = { Key } };
        rules.Fixed.Add(("a[]", 3));
        log.Begin().Put("a[]", "t1").Lookup(Key, "r1", "[3]").Commit();
        await using var session = SessionUnderTest.Open(log, rules);
        Assert.Equal("3", Told(await session.NextCheckpointAsync()));

        rules.Refusal = new InvalidOperationException("looked again");
        log.Begin().Lookup(Key, "r1", "[4]").Commit();
        Assert.Equal("4", Told(await session.NextCheckpointAsync()));
    }

    [Fact]
    public async Task Without_a_row_nothing_is_told()
    {
        var log = await TestLog.StartedAsync();
        log.Begin().Put("a[]", "t1").Lookup("event write_checkpoints:1[\"u1/other\"]", "r1", "[3]").Commit();
        await using var session = SessionUnderTest.Open(log, Rules);

        Assert.Null(Told(await session.NextCheckpointAsync()));
    }

    [Fact]
    public async Task A_client_that_was_given_one_of_ours_begins_at_zero()
    {
        var log = await TestLog.StartedAsync();
        log.Begin().Put("a[]", "t1").WriteCheckpoint("u1/device", 1ul << 51).Commit();
        await using var session = SessionUnderTest.Open(log, Rules);
        Assert.Equal("0", Told(await session.NextCheckpointAsync()));

        log.Begin().WriteCheckpoint("u1/device", (1ul << 51) + 1).Put("a[]", "t2").Commit();
        Assert.Equal("0", Told(await session.NextCheckpointAsync()));
        log.Begin().Lookup(Key, "r1", "[1]").Commit();
        Assert.Equal("1", Told(await session.NextCheckpointAsync()));
    }

    [Fact]
    public async Task Rules_that_begin_and_cease_to_read_them_are_told_in_the_same_stream()
    {
        var log = await TestLog.StartedAsync();
        var given = 1ul << 51;
        log.Begin().Put("a[]", "t1").WriteCheckpoint("u1/device", given).Lookup(Key, "r1", "[1]").Commit();
        var without = new SyncRules.RuleSetHarness("bucket_definitions:\n  a: {data: [SELECT id FROM lists]}").Rules;
        await using var session = SessionUnderTest.Open(log, new Numbered(without, Rules, without));
        Assert.Equal($"{given}", Told(await session.NextCheckpointAsync()));

        log.Activate();
        Assert.Equal("1", Told(await session.NextCheckpointAsync()));
        log.Activate();
        Assert.Equal($"{given}", Told(await session.NextCheckpointAsync()));
    }

    private static string? Told(IReadOnlyList<string> lines)
    {
        const string Name = "\"write_checkpoint\":\"";
        var start = lines[0].IndexOf(Name, StringComparison.Ordinal);
        return start < 0 ? null : lines[0][(start + Name.Length)..].Split('"')[0];
    }
}
