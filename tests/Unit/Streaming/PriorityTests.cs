using TopGun.Buckets.Streaming.Sessions;
using TopGun.Buckets.Tests.Unit.Grid;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming;

public class PriorityTests
{
    [Fact]
    public async Task Each_priority_but_the_last_is_completed_by_itself()
    {
        var log = await TestLog.StartedAsync();
        log.Begin().Put("late[]", "t1").Put("early[]", "t2").Put("middle[]", "t3").Commit();

        await using var session = SessionUnderTest.Open(
            log, new FakeRules { Fixed = { ("early[]", 0), ("late[]", 3), ("middle[]", 1) } });
        var lines = await session.NextCheckpointAsync();

        Assert.StartsWith("""{"data":{"bucket":"early[]",""", lines[1], StringComparison.Ordinal);
        Assert.Equal("""{"partial_checkpoint_complete":{"last_op_id":"3","priority":0}}""", lines[2]);
        Assert.StartsWith("""{"data":{"bucket":"middle[]",""", lines[3], StringComparison.Ordinal);
        Assert.Equal("""{"partial_checkpoint_complete":{"last_op_id":"3","priority":1}}""", lines[4]);
        Assert.StartsWith("""{"data":{"bucket":"late[]",""", lines[5], StringComparison.Ordinal);
        Assert.Equal("""{"checkpoint_complete":{"last_op_id":"3"}}""", lines[6]);
    }

    [Fact]
    public async Task A_newer_checkpoint_takes_over_while_the_rest_is_still_flowing()
    {
        var log = await TestLog.StartedAsync();
        var transaction = log.Begin();
        for (var row = 0; row < 200; row++)
            transaction.Put("late[]", $"t{row}", new string('x', 500));
        transaction.Commit();
        await using var session = SessionUnderTest.Open(
            log,
            new FakeRules { Fixed = { ("early[]", 0), ("late[]", 3) } },
            settings: new SessionSettings { MaxOpsInLine = 10, MinOpsBeforeCutOver = 20 },
            pipeBytes: 4096);
        await session.NextAsync();
        await session.NextAsync();

        log.Put("early[]", "urgent");
        var rest = await session.NextCheckpointAsync();

        var diff = rest.FindIndex(line => line.StartsWith("{\"checkpoint_diff\"", StringComparison.Ordinal));
        Assert.InRange(diff, 0, 10);
        Assert.Contains("\"last_op_id\":\"201\"", rest[diff], StringComparison.Ordinal);
        Assert.DoesNotContain("late[]", rest[diff], StringComparison.Ordinal);
        Assert.StartsWith("""{"data":{"bucket":"early[]",""", rest[diff + 1], StringComparison.Ordinal);
        Assert.Equal("""{"partial_checkpoint_complete":{"last_op_id":"201","priority":0}}""", rest[diff + 2]);
        Assert.Equal("""{"checkpoint_complete":{"last_op_id":"201"}}""", rest[^1]);
        Assert.Equal(1, rest.Count(line => line.StartsWith("{\"checkpoint_complete\"", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Every_operation_is_sent_once_however_often_checkpoints_take_over()
    {
        var log = await TestLog.StartedAsync();
        var transaction = log.Begin();
        for (var row = 0; row < 300; row++)
            transaction.Put("a[]", $"t{row}", new string('x', 300));
        transaction.Commit();
        await using var session = SessionUnderTest.Open(
            log,
            new FakeRules { Fixed = { ("a[]", 3), ("b[]", 2) } },
            settings: new SessionSettings { MaxOpsInLine = 7, MinOpsBeforeCutOver = 7 },
            pipeBytes: 2048);

        var replica = new Replica();
        for (var row = 0; row < 40; row++)
        {
            replica.Receive((await session.NextAsync())!);
            log.Begin().Put(row % 2 == 0 ? "a[]" : "b[]", $"new{row}").Commit();
        }
        while (replica.Completed < log.LastOpId)
            replica.Receive((await session.NextAsync())!);

        Assert.Equal(log.Model["a[]"].Select(op => op.OpId), replica.OpsOf("a[]"));
        Assert.Equal(log.Model["b[]"].Select(op => op.OpId), replica.OpsOf("b[]"));
    }

    [Fact]
    public async Task A_checkpoint_that_changes_nothing_for_the_client_does_not_take_over()
    {
        var log = await TestLog.StartedAsync();
        var transaction = log.Begin();
        for (var row = 0; row < 100; row++)
            transaction.Put("a[]", $"t{row}", new string('x', 500));
        transaction.Commit();
        await using var session = SessionUnderTest.Open(
            log, new FakeRules { Fixed = { ("a[]", 3) } }, settings: new SessionSettings { MaxOpsInLine = 10, MinOpsBeforeCutOver = 10 }, pipeBytes: 4096);
        await session.NextAsync();

        log.Put("theirs[]", "t1");
        var rest = await session.NextCheckpointAsync();

        Assert.DoesNotContain(rest, line => line.StartsWith("{\"checkpoint_diff\"", StringComparison.Ordinal));
        Assert.Equal("""{"checkpoint_complete":{"last_op_id":"100"}}""", rest[^1]);
    }
}
