using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>What becomes of what is damaged in the store.</summary>
public class MendingTests
{
    private const string Rules =
        """
        bucket_definitions:
          all: {data: [SELECT * FROM todos]}
          lists: {data: [SELECT * FROM lists]}

        """;

    public static IEnumerable<TheoryDataRow<int>> Seeds => Enumerable.Range(1, 40).Select(seed => new TheoryDataRow<int>(seed));

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task A_damaged_bucket_is_filled_anew_under_another_name_while_the_log_goes_on(int seed)
    {
        var random = new Random(seed);
        var transactions = new RandomSource(seed).Make(60);
        await using var sound = await DeployFixture.OpenAsync(new NullColdStorage(), Rules);
        await sound.AppendAsync(transactions);
        await sound.FlushAsync();
        var storage = new BrokenStorage(new NullColdStorage());
        await using var fixture = await DeployFixture.OpenAsync(storage, Rules, buildRows: 1 + random.Next(5));
        var broken = random.Next(10, 50);
        await fixture.AppendAsync(transactions.Take(broken));
        await fixture.FlushAsync();
        storage.Buckets.Add("1#all[]");

        await Assert.ThrowsAsync<DamagedStoreException>(() => ReadAsync(fixture, "1#all[]"));
        Assert.Equal("1#all[]", Assert.Single(fixture.Log.Damaged).Name);
        foreach (var transaction in transactions.Skip(broken))
        {
            await fixture.AppendAsync(transaction);
            if (random.Next(2) == 0)
                await fixture.StepAsync();
        }
        await fixture.FinishAsync();
        await fixture.FlushAsync();

        Assert.Equal(2, fixture.Log.Rules.Active.Number);
        Assert.Equal(await sound.RowsAsync(), await fixture.RowsAsync());
        Assert.DoesNotContain("1#all[]", await fixture.BucketsAsync());
        Assert.Equal(await sound.OpsAsync("2#lists[]"), await fixture.OpsAsync("2#lists[]"));
        Assert.Empty(fixture.Log.Damaged);
    }

    [Theory]
    [InlineData(RecordTable.RowState)]
    [InlineData(RecordTable.Bucket)]
    [InlineData(RecordTable.Relation)]
    public async Task When_records_are_damaged_the_next_start_reads_everything_again_under_op_ids_that_nobody_has_seen(RecordTable table)
    {
        var transactions = new RandomSource(3).Make(60);
        var storage = new BrokenStorage(new NullColdStorage());
        var fixture = await DeployFixture.OpenAsync(storage, Rules);
        await fixture.AppendAsync(transactions.Take(30));
        await fixture.FlushAsync();
        var seen = fixture.Log.LastOpId;
        storage.Records = table;
        if (table == RecordTable.RowState)
        {
            var failure = await Assert.ThrowsAsync<DamagedStoreException>(() => fixture.AppendAsync(transactions.Skip(30)));
            Assert.Equal("TGB2003", failure.Code);
        }
        await fixture.CrashAsync();

        await using var next = await DeployFixture.OpenAsync(storage, Rules);

        Assert.Null(next.Start.State);
        Assert.True(next.Log.LastOpId >= seen);
        Assert.Empty(await next.BucketsAsync());
        await next.AppendAsync(transactions);
        await next.FlushAsync();
        await using var sound = await DeployFixture.OpenAsync(new NullColdStorage(), Rules);
        await sound.AppendAsync(transactions);
        await sound.FlushAsync();
        Assert.Equal(await sound.RowsAsync(), await next.RowsAsync());
    }

    private static async Task ReadAsync(DeployFixture fixture, string bucket)
    {
        await foreach (var op in fixture.Seen.Storage!.ReadAsync(bucket, OpId.None, fixture.Log.LastOpId, TestContext.Current.CancellationToken))
            Assert.True(op.OpId > OpId.None);
    }
}
