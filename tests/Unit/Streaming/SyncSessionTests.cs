using TopGun.Buckets.Protocol;
using TopGun.Buckets.Streaming.Sessions;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Unit.Grid;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming;

public class SyncSessionTests
{
    [Fact]
    public async Task A_first_sync_is_checkpoint_data_and_complete_byte_for_byte()
    {
        var log = await TestLog.StartedAsync();
        log.Begin()
            .Put("1#lists[\"u1\"]", "t1", """{"id":"t1","title":"Milk","done":0}""")
            .Remove("1#lists[\"u1\"]", "t2")
            .WriteCheckpoint("u1/device", 7)
            .Commit();
        var rules = new FakeRules { Fixed = { ("1#lists[\"u1\"]", 3) } };
        var (put, remove) = (log.Model["1#lists[\"u1\"]"][0].Checksum, log.Model["1#lists[\"u1\"]"][1].Checksum);

        await using var session = SessionUnderTest.Open(log, rules);
        var lines = await session.NextCheckpointAsync();

        Assert.Equal(
            [
                $$$"""{"checkpoint":{"last_op_id":"2","write_checkpoint":"7","buckets":[{"bucket":"1#lists[\"u1\"]","checksum":{{{put + remove}}},"count":2,"priority":3,"subscriptions":[{"default":0}]}],"streams":[{"name":"lists","is_default":true,"errors":[]}]}}""",
                $$$"""{"data":{"bucket":"1#lists[\"u1\"]","after":"0","next_after":"2","has_more":false,"data":[{"op_id":"1","op":"PUT","object_type":"todos","object_id":"t1","subkey":"k/t1","data":"{\"id\":\"t1\",\"title\":\"Milk\",\"done\":0}","checksum":{{{put}}}},{"op_id":"2","op":"REMOVE","object_type":"todos","object_id":"t2","subkey":"k/t2","checksum":{{{remove}}}}]}}""",
                """{"checkpoint_complete":{"last_op_id":"2"}}""",
            ],
            lines);
    }

    [Fact]
    public async Task A_change_is_a_diff_with_only_what_is_new()
    {
        var log = await TestLog.StartedAsync();
        log.Begin().Put("a[]", "t1").Put("b[]", "t2").Commit();
        await using var session = SessionUnderTest.Open(log, new FakeRules { Fixed = { ("a[]", 3), ("b[]", 3) } });
        await session.NextCheckpointAsync();

        log.Put("b[]", "t3");
        var lines = await session.NextCheckpointAsync();

        var sum = log.Directory.Find("b[]").Checksum;
        Assert.Equal(
            [
                $$$"""{"checkpoint_diff":{"last_op_id":"3","removed_buckets":[],"updated_buckets":[{"bucket":"b[]","checksum":{{{sum}}},"count":2,"priority":3,"subscriptions":[{"default":0}]}]}}""",
                $$$"""{"data":{"bucket":"b[]","after":"2","next_after":"3","has_more":false,"data":[{"op_id":"3","op":"PUT","object_type":"todos","object_id":"t3","subkey":"k/t3","data":"{}","checksum":{{{log.Model["b[]"][1].Checksum}}}}]}}""",
                """{"checkpoint_complete":{"last_op_id":"3"}}""",
            ],
            lines);
    }

    [Fact]
    public async Task A_session_without_buckets_still_gets_its_completion()
    {
        var log = await TestLog.StartedAsync();

        await using var session = SessionUnderTest.Open(log, new FakeRules());

        Assert.Equal(
            [
                """{"checkpoint":{"last_op_id":"0","buckets":[],"streams":[{"name":"lists","is_default":true,"errors":[]}]}}""",
                """{"checkpoint_complete":{"last_op_id":"0"}}""",
            ],
            await session.NextCheckpointAsync());
    }

    [Fact]
    public async Task A_client_that_holds_everything_gets_no_data()
    {
        var log = await TestLog.StartedAsync();
        log.Put("a[]", "t1");

        await using var session = SessionUnderTest.Open(
            log, new FakeRules { Fixed = { ("a[]", 3) } }, buckets: [new BucketPosition("a[]", new OpId(1)), new BucketPosition("theirs[]", new OpId(1))]);
        var lines = await session.NextCheckpointAsync();

        Assert.Equal(2, lines.Count);
        Assert.DoesNotContain("theirs", lines[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_ways_to_one_bucket_are_one_entry_with_both_reasons()
    {
        var log = await TestLog.StartedAsync();
        var rules = new FakeRules { Fixed = { ("todos|{}", 2) }, Streams = { "todos" } };
        var none = System.Text.Json.JsonDocument.Parse("{}").RootElement;

        await using var session = SessionUnderTest.Open(
            log, rules, subscriptions: [new StreamSubscription("unknown", none, null), new StreamSubscription("todos", none, 1)]);
        var lines = await session.NextCheckpointAsync();

        Assert.Equal(
            """{"checkpoint":{"last_op_id":"0","buckets":[{"bucket":"todos|{}","checksum":0,"count":0,"priority":1,"subscriptions":[{"default":0},{"sub":1}]}],"streams":[{"name":"lists","is_default":true,"errors":[]},{"name":"todos","is_default":false,"errors":[]}]}}""",
            lines[0]);
    }

    [Fact]
    public async Task A_bucket_of_many_operations_comes_in_lines_of_a_thousand()
    {
        var log = await TestLog.StartedAsync();
        var transaction = log.Begin();
        for (var row = 0; row < 2000; row++)
            transaction.Put("a[]", $"t{row}");
        transaction.Commit();

        await using var session = SessionUnderTest.Open(log, new FakeRules { Fixed = { ("a[]", 3) } });
        var lines = await session.NextCheckpointAsync();

        Assert.Equal(4, lines.Count);
        Assert.StartsWith("""{"data":{"bucket":"a[]","after":"0","next_after":"1000","has_more":true,""", lines[1], StringComparison.Ordinal);
        Assert.StartsWith("""{"data":{"bucket":"a[]","after":"1000","next_after":"2000","has_more":false,""", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rows_of_a_megabyte_come_alone()
    {
        var log = await TestLog.StartedAsync();
        log.Begin().Put("a[]", "t1", new string('x', 900_000)).Put("a[]", "t2", new string('x', 3_000_000)).Put("a[]", "t3").Commit();

        await using var session = SessionUnderTest.Open(log, new FakeRules { Fixed = { ("a[]", 3) } }, pipeBytes: 8 << 20);
        var lines = await session.NextCheckpointAsync();

        Assert.Equal([2, 3, 3], lines[1..4].Select(line => line.Length switch { < 1_000_000 and > 800_000 => 2, > 2_000_000 => 3, _ => 3 }));
        Assert.Contains("\"next_after\":\"1\",\"has_more\":true", lines[1], StringComparison.Ordinal);
        Assert.Contains("\"next_after\":\"2\",\"has_more\":true", lines[2], StringComparison.Ordinal);
        Assert.Contains("\"next_after\":\"3\",\"has_more\":false", lines[3], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Old_clients_get_rows_as_objects()
    {
        var log = await TestLog.StartedAsync();
        log.Begin().Put("a[]", "t\"1", """{"id":"1","text":"a \"quoted\" \\ tab\tend"}""").Remove("a[]", "t2").Commit();

        await using var session = SessionUnderTest.Open(log, new FakeRules { Fixed = { ("a[]", 3) } }, rawData: false);
        var lines = await session.NextCheckpointAsync();

        var (put, remove) = (log.Model["a[]"][0].Checksum, log.Model["a[]"][1].Checksum);
        Assert.Equal(
            $$$"""{"data":{"bucket":"a[]","after":"0","next_after":"2","has_more":false,"data":[{"op_id":"1","op":"PUT","object_type":"todos","object_id":"t\"1","subkey":"k/t\"1","data":{"id":"1","text":"a \"quoted\" \\ tab\tend"},"checksum":{{{put}}}},{"op_id":"2","op":"REMOVE","object_type":"todos","object_id":"t2","subkey":"k/t2","data":null,"checksum":{{{remove}}}}]}}""",
            lines[1]);
    }
}
