using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using Xunit;
using static TopGun.Buckets.Tests.Unit.BucketLog.LogFixture;
using static TopGun.Buckets.Tests.Unit.BucketLog.ScriptedTransaction;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>When the store writer wakes up. The delays are unlike any other timer's, so that its own can be told by them.</summary>
public class GroupCommitTests
{
    private const int Transactions = 100;

    private static readonly BucketLogOptions Options = new()
    {
        GroupCommitDelay = TimeSpan.FromMinutes(7),
        PositionDelay = TimeSpan.FromMinutes(77),
        DirtyLimitAge = TimeSpan.FromDays(1),
    };

    [Fact]
    public async Task Transactions_that_gather_let_the_writer_sleep()
    {
        var time = new NotedTime();
        await using var fixture = await OpenFollowingAsync(new NullColdStorage(), Options, time: time);
        await fixture.CommitAsync(10, Insert(Todos, "first", "a", "x", null));
        await time.SleepAsync(Options.GroupCommitDelay);

        for (var position = 11UL; position <= 10 + Transactions; position++)
            await fixture.CommitAsync(position, Insert(Todos, $"{position}", "a", "x", null));

        await fixture.FlushAsync();
        Assert.InRange(time.SleepCount(Options.GroupCommitDelay), 1, Transactions / 2); // one, unless the writer was just falling asleep
    }

    [Fact]
    public async Task A_transaction_wakes_the_writer_that_sleeps_over_a_position()
    {
        var time = new NotedTime();
        await using var fixture = await OpenFollowingAsync(new NullColdStorage(), Options, time: time);
        await fixture.AppendAsync(new PositionReached(new Lsn(5)));
        await time.SleepAsync(Options.PositionDelay);

        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "x", null));

        await time.SleepAsync(Options.GroupCommitDelay);
        await fixture.FlushAsync();
        Assert.Single(await fixture.StoredAsync("1#all[]"));
    }

    [Fact]
    public async Task A_megabyte_wakes_the_writer_before_its_time()
    {
        var time = new NotedTime();
        await using var fixture = await OpenFollowingAsync(new NullColdStorage(), Options, time: time);
        await fixture.CommitAsync(10, Insert(Todos, "1", "a", "x", null));
        await time.SleepAsync(Options.GroupCommitDelay);
        var durable = Acknowledged(fixture, position: 11);

        await fixture.CommitAsync(11, Insert(Todos, "2", "a", new string('x', 1 << 20), null));

        await durable;
    }

    private static Task Acknowledged(LogFixture fixture, ulong position)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        fixture.OnAcknowledged = acknowledged =>
        {
            if (acknowledged >= new Lsn(position))
                reached.TrySetResult();
        };
        return reached.Task.WaitAsync(TestContext.Current.CancellationToken);
    }
}
