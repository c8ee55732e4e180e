using TopGun.Buckets.Protocol;
using TopGun.Buckets.Streaming.Sessions;
using TopGun.Buckets.Tests.Unit.Grid;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming;

/// <summary>What happens to a session besides data: write checkpoints, time, faults.</summary>
public class SessionEventsTests
{
    [Fact]
    public async Task A_write_checkpoint_alone_is_an_empty_diff_with_its_completion()
    {
        var log = await TestLog.StartedAsync();
        log.Put("a[]", "t1");
        await using var session = SessionUnderTest.Open(log, new FakeRules { Fixed = { ("a[]", 3) } });
        await session.NextCheckpointAsync();

        log.Begin().WriteCheckpoint("u1/device", 9).WriteCheckpoint("u1/other", 10).Commit();

        Assert.Equal(
            [
                """{"checkpoint_diff":{"last_op_id":"1","write_checkpoint":"9","removed_buckets":[],"updated_buckets":[]}}""",
                """{"checkpoint_complete":{"last_op_id":"1"}}""",
            ],
            await session.NextCheckpointAsync());
    }

    [Fact]
    public async Task Later_diffs_repeat_the_write_checkpoint()
    {
        var log = await TestLog.StartedAsync();
        log.Begin().WriteCheckpoint("u1/device", 9).Commit();
        await using var session = SessionUnderTest.Open(log, new FakeRules { Fixed = { ("a[]", 3) } });
        await session.NextCheckpointAsync();

        log.Put("a[]", "t1");

        Assert.Contains("\"write_checkpoint\":\"9\"", (await session.NextCheckpointAsync())[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keepalives_come_at_their_interval_and_the_tokens_end_is_told_in_time()
    {
        var clock = new ManualTime();
        var log = await TestLog.StartedAsync(clock: clock);
        await using var session = SessionUnderTest.Open(log, new FakeRules(), clock: clock, expiresAt: clock.GetUtcNow().AddSeconds(70));
        await session.NextCheckpointAsync();

        var lines = new List<string?>();
        foreach (var seconds in new[] { 20, 20, 10, 10, 10 })
        {
            await session.IdleAsync();
            clock.Advance(TimeSpan.FromSeconds(seconds));
            lines.Add(await session.NextAsync());
        }

        Assert.Equal(
            [
                """{"token_expires_in":50}""",
                """{"token_expires_in":30}""",
                """{"token_expires_in":20}""",
                """{"token_expires_in":10}""",
                """{"token_expires_in":0}""",
            ],
            lines);
        Assert.Null(await session.NextAsync());
        await session.Run;
    }

    [Fact]
    public async Task A_token_that_is_over_gets_nothing_but_that()
    {
        var log = await TestLog.StartedAsync();

        await using var session = SessionUnderTest.Open(log, new FakeRules(), expiresAt: DateTimeOffset.UtcNow.AddSeconds(-5));

        Assert.Equal("""{"token_expires_in":0}""", await session.NextAsync());
        Assert.Null(await session.NextAsync());
        await session.Run;
    }

    [Fact]
    public async Task A_client_that_takes_nothing_is_cut_off()
    {
        var clock = new ManualTime();
        var log = await TestLog.StartedAsync(clock: clock);
        log.Put("a[]", "t1", new string('x', 10_000));
        await using var session = SessionUnderTest.Open(log, new FakeRules { Fixed = { ("a[]", 3) } }, clock: clock, pipeBytes: 100);

        clock.Advance(TimeSpan.FromSeconds(61));

        await Assert.ThrowsAsync<SessionStalledException>(() => session.Run);
        Assert.Equal(0, log.Grid.Subscriptions);
    }

    [Fact]
    public async Task A_client_that_takes_nothing_is_cut_off_with_its_token()
    {
        var clock = new ManualTime();
        var log = await TestLog.StartedAsync(clock: clock);
        log.Put("a[]", "t1", new string('x', 10_000));
        await using var session = SessionUnderTest.Open(
            log, new FakeRules { Fixed = { ("a[]", 3) } }, clock: clock, pipeBytes: 100, expiresAt: clock.GetUtcNow().AddSeconds(30));

        clock.Advance(TimeSpan.FromSeconds(31));

        await Assert.ThrowsAsync<SessionStalledException>(() => session.Run);
    }

    [Fact]
    public async Task A_client_that_takes_its_time_has_one_line_under_way()
    {
        var log = await TestLog.StartedAsync();
        var transaction = log.Begin();
        for (var row = 0; row < 5000; row++)
            transaction.Put("a[]", $"t{row}", new string('x', 1000));
        transaction.Commit();

        await using var session = SessionUnderTest.Open(
            log, new FakeRules { Fixed = { ("a[]", 3) } }, settings: new SessionSettings { MaxOpsInLine = 100 }, pipeBytes: 100);

        await session.NextAsync();
        for (var taken = 1; taken <= 50; taken++)
        {
            Assert.StartsWith("{\"data\":", await session.NextAsync(), StringComparison.Ordinal);
            Assert.InRange(session.Session.OpsSent, 0, 100 * (taken + 1)); // this line has been taken, and the next one may have left
        }
    }

    [Fact]
    public async Task A_client_that_is_ahead_waits_for_the_replay()
    {
        var clock = new ManualTime();
        var log = await TestLog.StartedAsync(clock: clock);
        log.Put("a[]", "t1");
        await using var session = SessionUnderTest.Open(
            log, new FakeRules { Fixed = { ("a[]", 3) } }, clock: clock, buckets: [new BucketPosition("a[]", new OpId(3))]);
        log.Put("a[]", "t2");
        clock.Advance(TimeSpan.FromSeconds(5));
        await session.IdleAsync();
        Assert.Equal(1, session.Begun);

        log.Put("a[]", "t3");
        var lines = await session.NextCheckpointAsync();

        Assert.StartsWith("""{"checkpoint":{"last_op_id":"3",""", lines[0], StringComparison.Ordinal);
        Assert.Equal(2, lines.Count);
    }

    [Fact]
    public async Task A_client_of_another_store_is_not_held_for_ever()
    {
        var clock = new ManualTime();
        var log = await TestLog.StartedAsync(clock: clock);
        log.Put("a[]", "t1");
        await using var session = SessionUnderTest.Open(
            log, new FakeRules { Fixed = { ("a[]", 3) } }, clock: clock, buckets: [new BucketPosition("a[]", new OpId(1_000_000))]);

        await session.IdleAsync();
        clock.Advance(TimeSpan.FromSeconds(19));
        await session.IdleAsync();
        clock.Advance(TimeSpan.FromSeconds(12));
        var lines = await session.NextCheckpointAsync();

        Assert.Contains(lines, line => line.StartsWith("""{"checkpoint":{"last_op_id":"1",""", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_client_that_is_ahead_is_held_while_the_source_is_away_because_nothing_is_replayed_then()
    {
        var clock = new ManualTime();
        var followedFor = TimeSpan.Zero;
        var log = await TestLog.StartedAsync(clock: clock);
        log.Put("a[]", "t1");
        await using var session = SessionUnderTest.Open(
            log, new FakeRules { Fixed = { ("a[]", 3) } }, clock: clock, buckets: [new BucketPosition("a[]", new OpId(2))],
            settings: new SessionSettings { Keepalive = TimeSpan.FromHours(1), FollowedFor = () => followedFor });

        for (var wait = 0; wait < 10; wait++)
        {
            await session.IdleAsync();
            clock.Advance(TimeSpan.FromSeconds(31));
        }
        await session.IdleAsync();
        Assert.Equal(1, session.Begun); // the headers are out, and nothing else
        followedFor = TimeSpan.FromSeconds(1);
        log.Put("a[]", "t2");
        var lines = await session.NextCheckpointAsync();

        Assert.StartsWith("""{"checkpoint":{"last_op_id":"2",""", lines[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_all_buckets_are_built_anew_the_stream_ends_normally()
    {
        var log = await TestLog.StartedAsync();
        await using var session = SessionUnderTest.Open(log, new FakeRules { Fixed = { ("a[]", 3) } });
        await session.NextCheckpointAsync();

        log.Grid.Reset();

        Assert.Null(await session.NextAsync());
        await session.Run;
        Assert.Equal(0, log.Grid.Subscriptions);
    }

    [Fact]
    public async Task Cold_buckets_are_served_as_hot_ones_are()
    {
        var log = await TestLog.StartedAsync();
        for (var row = 0; row < 50; row++)
            log.Put($"a[{row % 5}]", $"t{row}");
        log.Store_all();
        log.Put("a[1]", "unstored");
        var rules = new FakeRules();
        for (var bucket = 0; bucket < 5; bucket++)
            rules.Fixed.Add(($"a[{bucket}]", 3));

        await using var session = SessionUnderTest.Open(log, rules);
        var replica = new Replica();
        foreach (var line in await session.NextCheckpointAsync())
            replica.Receive(line);

        Assert.Equal(log.Model["a[1]"].Select(op => op.OpId), replica.OpsOf("a[1]"));
        Assert.Equal(5, log.Grid.ColdLoads);
    }
}
