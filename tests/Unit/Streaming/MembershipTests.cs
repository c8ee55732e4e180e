using TopGun.Buckets.Streaming.Sessions;
using TopGun.Buckets.Tests.Unit.Grid;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming;

public class MembershipTests
{
    [Fact]
    public async Task A_lookup_row_brings_its_bucket_and_takes_it_away_again()
    {
        var log = await TestLog.StartedAsync();
        log.Begin().Put("list[1]", "t1").Put("list[2]", "t2").Lookup("mine", "row1", "list[1]").Commit();
        await using var session = SessionUnderTest.Open(log, new FakeRules { Lookups = { "mine" } });
        Assert.DoesNotContain("list[2]", (await session.NextCheckpointAsync())[0], StringComparison.Ordinal);

        log.Begin().Lookup("mine", "row2", "list[2]").Commit();
        var gained = await session.NextCheckpointAsync();
        log.Begin().Lookup("mine", "row1", null).Commit();
        var lost = await session.NextCheckpointAsync();

        var sum = log.Directory.Find("list[2]").Checksum;
        Assert.Equal(
            $$$"""{"checkpoint_diff":{"last_op_id":"4","removed_buckets":[],"updated_buckets":[{"bucket":"list[2]","checksum":{{{sum}}},"count":1,"priority":3,"subscriptions":[{"default":0}]}]}}""",
            gained[0]);
        Assert.StartsWith("""{"data":{"bucket":"list[2]","after":"0","next_after":"2",""", gained[1], StringComparison.Ordinal);
        Assert.Equal(
            [
                """{"checkpoint_diff":{"last_op_id":"5","removed_buckets":["list[1]"],"updated_buckets":[]}}""",
                """{"checkpoint_complete":{"last_op_id":"5"}}""",
            ],
            lost);
    }

    [Fact]
    public async Task A_bucket_that_comes_back_is_sent_from_its_start()
    {
        var log = await TestLog.StartedAsync();
        log.Begin().Put("list[1]", "t1").Lookup("mine", "row1", "list[1]").Commit();
        await using var session = SessionUnderTest.Open(log, new FakeRules { Lookups = { "mine" } });
        await session.NextCheckpointAsync();

        log.Begin().Lookup("mine", "row1", null).Commit();
        await session.NextCheckpointAsync();
        log.Begin().Lookup("mine", "row1", "list[1]").Commit();
        var lines = await session.NextCheckpointAsync();

        Assert.StartsWith("""{"data":{"bucket":"list[1]","after":"0","next_after":"1",""", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_client_named_counts_for_the_first_checkpoint_only()
    {
        var log = await TestLog.StartedAsync();
        log.Put("list[1]", "t1");
        await using var session = SessionUnderTest.Open(
            log, new FakeRules { Lookups = { "mine" } }, buckets: [new BucketPosition("list[1]", log.LastOpId)]);
        await session.NextCheckpointAsync();

        log.Begin().Lookup("mine", "row1", "list[1]").Commit();
        var lines = await session.NextCheckpointAsync();

        // The first checkpoint did not name the bucket, so the client dropped what it held.
        Assert.StartsWith("""{"data":{"bucket":"list[1]","after":"0","next_after":"1",""", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bucket_that_is_lost_while_it_is_downloaded_is_not_sent_any_further()
    {
        var log = await TestLog.StartedAsync();
        var transaction = log.Begin().Lookup("mine", "row1", "list[1]");
        for (var row = 0; row < 100; row++)
            transaction.Put("list[1]", $"t{row}", new string('x', 10_000));
        transaction.Commit();
        // Each line of ten rows is more than the pipe takes, so the session waits for the reader after each.
        await using var session = SessionUnderTest.Open(
            log, new FakeRules { Lookups = { "mine" } }, settings: new SessionSettings { MaxOpsInLine = 10 }, pipeBytes: 4096);
        await session.NextAsync();
        await session.NextAsync();

        log.Begin().Lookup("mine", "row1", null).Put("list[1]", "secret").Commit();
        var rest = await session.NextCheckpointAsync();

        Assert.InRange(rest.Count(line => line.StartsWith("{\"data\"", StringComparison.Ordinal)), 0, 3); // what was in the pipe and the reader's buffer
        Assert.Equal("""{"checkpoint_diff":{"last_op_id":"103","removed_buckets":["list[1]"],"updated_buckets":[]}}""", rest[^2]);
        Assert.DoesNotContain("secret", string.Concat(rest), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_changed_priority_is_told()
    {
        var log = await TestLog.StartedAsync();
        log.Begin().Lookup("mine", "row1", "list[1]").Commit();
        await using var session = SessionUnderTest.Open(log, new FakeRules { Lookups = { "mine" } });
        await session.NextCheckpointAsync();

        log.Begin().Lookup("mine", "row2", "list[1]!1").Commit();

        Assert.Contains("\"priority\":1,\"subscriptions\":[{\"default\":0},{\"default\":0}]", (await session.NextCheckpointAsync())[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lookup_change_that_changes_nothing_is_not_told()
    {
        var log = await TestLog.StartedAsync();
        log.Begin().Lookup("mine", "row1", "list[1]").Commit();
        await using var session = SessionUnderTest.Open(log, new FakeRules { Lookups = { "mine" } });
        await session.NextCheckpointAsync();

        log.Begin().Lookup("mine", "row1", "list[1]").Commit();
        log.Put("list[1]", "t1");

        // What is told next is the row, whether or not both came as one.
        Assert.Contains("\"updated_buckets\":[{\"bucket\":\"list[1]\"", (await session.NextCheckpointAsync())[0], StringComparison.Ordinal);
    }
}
