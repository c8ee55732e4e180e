using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Unit.Grid;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming;

/// <summary>Other rules come into force while streams are open.</summary>
public class RulesChangeTests
{
    [Fact]
    public async Task A_diff_brings_new_buckets_and_takes_lost_ones_away_and_nothing_of_the_others_comes_again()
    {
        var log = await TestLog.StartedAsync();
        log.Begin().Put("1#kept[]", "t1").Put("2#lost[]", "t2").Put("3#new[]", "t3").Commit();
        var rules = new Numbered(
            new FakeRules { Fixed = { ("1#kept[]", 3), ("2#lost[]", 3) } }, new FakeRules { Fixed = { ("1#kept[]", 3), ("3#new[]", 3) } });
        await using var session = SessionUnderTest.Open(log, rules);
        Assert.DoesNotContain("3#new[]", string.Concat(await session.NextCheckpointAsync()), StringComparison.Ordinal);

        log.Activate();

        var lines = await session.NextCheckpointAsync();
        var sum = log.Directory.Find("3#new[]").Checksum;
        Assert.Equal(
            $$$"""{"checkpoint_diff":{"last_op_id":"3","removed_buckets":["2#lost[]"],"updated_buckets":[{"bucket":"3#new[]","checksum":{{{sum}}},"count":1,"priority":3,"subscriptions":[{"default":0}]}]}}""",
            lines[0]);
        Assert.StartsWith("""{"data":{"bucket":"3#new[]","after":"0","next_after":"3",""", lines[1], StringComparison.Ordinal);
        Assert.Equal("""{"checkpoint_complete":{"last_op_id":"3"}}""", lines[2]);
        Assert.Equal(3, lines.Count);
    }

    [Fact]
    public async Task Other_streams_are_told_with_a_whole_checkpoint_and_no_data_comes_again()
    {
        var log = await TestLog.StartedAsync();
        log.Put("1#kept[]", "t1");
        var rules = new Numbered(new FakeRules { Fixed = { ("1#kept[]", 3) } }, new FakeRules { Fixed = { ("1#kept[]", 3) }, Streams = { "another" } });
        await using var session = SessionUnderTest.Open(log, rules, subscriptions: [new StreamSubscription("another", SyncRules.RuleSetHarness.Json("{}"), null)]);
        await session.NextCheckpointAsync();

        log.Activate();

        var lines = await session.NextCheckpointAsync();
        Assert.StartsWith("""{"checkpoint":{"last_op_id":"1",""", lines[0], StringComparison.Ordinal);
        Assert.Contains("\"another\"", lines[0], StringComparison.Ordinal);
        Assert.Equal("""{"checkpoint_complete":{"last_op_id":"1"}}""", lines[1]);
        Assert.Equal(2, lines.Count);
    }

    [Fact]
    public async Task Rules_that_change_nothing_for_a_client_tell_it_nothing()
    {
        var log = await TestLog.StartedAsync();
        log.Put("1#kept[]", "t1");
        var rules = new Numbered(new FakeRules { Fixed = { ("1#kept[]", 3) } }, new FakeRules { Fixed = { ("1#kept[]", 3) } });
        await using var session = SessionUnderTest.Open(log, rules);
        await session.NextCheckpointAsync();

        log.Activate();
        log.Put("1#kept[]", "t2");

        Assert.StartsWith("""{"checkpoint_diff":{"last_op_id":"2",""", (await session.NextCheckpointAsync())[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stream_that_has_not_noticed_is_ended_before_a_bucket_is_dropped_under_it()
    {
        var log = await TestLog.StartedAsync();
        for (var row = 0; row < 2000; row++)
            log.Put("2#lost[]", $"t{row}", new string('x', 1000));
        var rules = new Numbered(new FakeRules { Fixed = { ("2#lost[]", 3) } }, new FakeRules());
        await using var session = SessionUnderTest.Open(log, rules, pipeBytes: 4096); // the client takes nothing, so the session is stuck in its first lines
        Assert.StartsWith("{\"checkpoint\"", await session.NextAsync(), StringComparison.Ordinal);

        log.Activate();
        log.Grid.Drop(["2#lost[]"]);

        var lines = new List<string>();
        while (await session.NextAsync() is { } line)
            lines.Add(line);
        Assert.DoesNotContain(lines, line => line.Contains("checkpoint_complete", StringComparison.Ordinal));
        await session.Run;
    }
}
