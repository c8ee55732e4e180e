using System.Text;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Tests.Support;
using TopGun.Buckets.Tests.Unit.ColdStorage;
using Xunit;
using static TopGun.Buckets.Tests.Unit.BucketLog.LogFixture;
using static TopGun.Buckets.Tests.Unit.BucketLog.ScriptedTransaction;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>Transactions that are too large for memory are stored in parts and seen as a whole.</summary>
public class PartsTests
{
    private const int TransactionCount = 60;

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Parts_give_the_operations_of_whole_transactions_whatever_crashes_in_between(int seed)
    {
        var transactions = new RandomSource(seed).Make(TransactionCount);
        var (whole, disk) = (new NullColdStorage(), new NullColdStorage());
        Dictionary<Lsn, OpId> checkpoints = [];
        await using (var reference = await OpenFollowingAsync(whole, Options(partBytes: 1 << 20)))
        {
            foreach (var transaction in transactions)
            {
                await reference.AppendAsync(transaction);
                checkpoints[transaction.Transaction.EndPosition] = reference.Seen.Visible!.LastOpId;
            }
        }

        await RunAsync(disk, transactions, checkpoints, new Random(seed));

        Assert.Equal(await DescribeAsync(whole), await DescribeAsync(disk));
    }

    [Fact]
    public async Task Parts_in_the_embedded_store_are_read_back_after_crashes()
    {
        using var folder = new StoreFolder();
        var transactions = new RandomSource(7).Make(TransactionCount);
        var whole = new NullColdStorage();
        await RunAsync(whole, transactions, checkpoints: null, crashes: null);
        await using var disk = await folder.OpenAsync(StoreFolder.Tiny);

        await RunAsync(disk, transactions, checkpoints: null, new Random(7));

        Assert.Equal(await DescribeAsync(whole), await DescribeAsync(disk));
    }

    [Fact]
    public async Task Nothing_of_a_transaction_is_told_before_all_of_it_is_stored()
    {
        var storage = new FaultyColdStorage(new NullColdStorage());
        await using var fixture = await OpenFollowingAsync(storage, Options());
        await fixture.CommitAsync(10, Insert(Todos, "0", "a", "before", null));
        await fixture.FlushAsync();
        var (told, visible) = (fixture.Seen.Batches.Count, fixture.Seen.Visible);

        storage.Hold();
        var taking = fixture.CommitAsync(20, [.. Inserts(5), Insert(Lists, "a", "owner")]);

        Assert.False(taking.IsCompleted);
        Assert.Equal((told, visible), (fixture.Seen.Batches.Count, fixture.Seen.Visible));
        Assert.Equal(1, fixture.Log.Directory.Find("1#all[]").Count);
        storage.Release();
        await taking;
        var batch = Assert.Single(fixture.Seen.Batches[told..]);
        Assert.Equal((new Lsn(20), new OpId(13)), (batch.Checkpoint.Position, batch.Checkpoint.LastOpId));
        Assert.Equal(batch.Checkpoint with { Rules = 1 }, fixture.Seen.Visible);
        Assert.Equal(["1#all[] 6", "1#list[\"a\"] 6"], batch.Buckets.Select(bucket => $"{bucket.Name} {bucket.Summary.Count}").Order(StringComparer.Ordinal));
        Assert.All(batch.Buckets, bucket => Assert.Equal(0, bucket.OpCount)); // they are in the store
        Assert.Equal("owner:owner", Assert.Single(batch.Lookups).Key);
    }

    [Fact]
    public async Task What_waits_for_the_store_is_bounded_whatever_the_size_of_the_transaction()
    {
        var storage = new MeasuringStorage(new NullColdStorage());
        var options = Options(partBytes: 3000);
        options.DirtyLimitBytes = 20_000;
        await using var fixture = await OpenFollowingAsync(storage, options);

        await fixture.CommitAsync(10, Inserts(5000));

        Assert.Equal(new OpId(10_000), fixture.Seen.Visible!.LastOpId);
        Assert.Equal(5000, fixture.Log.Directory.Find("1#all[]").Count);
        Assert.InRange(storage.LargestWrite, 1, 30_000);
    }

    [Fact]
    public async Task So_it_is_when_a_truncate_takes_more_rows_away_than_memory_holds()
    {
        var storage = new MeasuringStorage(new NullColdStorage());
        var options = Options(partBytes: 4000);
        options.DirtyLimitBytes = 20_000;
        await using var fixture = await OpenFollowingAsync(storage, options);
        await fixture.CommitAsync(10, Inserts(2000));
        await fixture.CommitAsync(20, [.. Enumerable.Range(0, 500).Select(id => Insert(Lists, $"{id}", "owner"))]);
        await fixture.FlushAsync();
        storage.LargestWrite = 0;

        await fixture.CommitAsync(30, Insert(Todos, "new", "a", "before", null), Truncate(Lists, Todos), Insert(Todos, "new", "a", "after", null));

        Assert.Equal(new Lsn(30), fixture.Seen.Visible!.Position);
        await fixture.FlushAsync();
        Assert.InRange(storage.LargestWrite, 1, 30_000);
        Assert.Equal(["new"], await RowsAsync(storage));
        Assert.Equal(1, await fixture.CountAsync(RecordTable.RowState));
        Assert.Empty(await LookupsAsync(storage));
        Assert.DoesNotContain(fixture.Seen.Batches, batch => batch.IsPart);
    }

    [Fact]
    public async Task What_was_visible_is_served_as_it_was_while_half_of_a_transaction_is_stored()
    {
        var disk = new NullColdStorage();
        await DieInTheMiddleAsync(disk);

        await using var fixture = await OpenAsync(disk, Options());

        Assert.Equal((new Lsn(10), new Lsn(20)), (fixture.Start.Position, fixture.Start.Begun));
        Assert.Equal(new Checkpoint(new OpId(3), new Lsn(10)) { Rules = 1 }, fixture.Seen.Started);
        Assert.Equal((new OpId(2), 1), (fixture.Log.Directory.Find("1#all[]").LastOpId, fixture.Log.Directory.Find("1#all[]").Count));
        Assert.True((await fixture.StoredAsync("1#all[]")).Length > 1);
        Assert.Equal(["owner:before"], await LookupsAsync(disk));
        await fixture.AppendAsync(new PositionReached(new Lsn(15)));
        Assert.Equal(new OpId(3), fixture.Seen.Visible!.LastOpId);
        await fixture.AppendAsync(Middle);
        Assert.Equal(new OpId(17), fixture.Seen.Visible!.LastOpId);
        await fixture.FlushAsync();
        Assert.Equal(["owner:after"], await LookupsAsync(disk));
    }

    [Fact]
    public async Task A_transaction_whose_rest_does_not_come_is_an_error_and_is_not_shown()
    {
        foreach (SourceEvent other in new SourceEvent[]
        {
            new TransactionCommitted(null, new ScriptedTransaction(20, Inserts(2))),
            new TransactionCommitted(null, new ScriptedTransaction(30, Inserts(2))),
            new PositionReached(new Lsn(20)),
            new RefreshStarted(State(done: true), []),
        })
        {
            var disk = new NullColdStorage();
            await DieInTheMiddleAsync(disk);
            await using var fixture = await OpenAsync(disk, Options());

            var failure = await Assert.ThrowsAsync<UnfinishedTransactionException>(() => fixture.AppendAsync(other));

            Assert.Equal("TGB1211", failure.Code);
            Assert.Equal(new OpId(3), fixture.Seen.Visible!.LastOpId);
        }
    }

    [Fact]
    public async Task Rows_of_a_transaction_that_continuity_was_lost_in_are_seen_with_what_is_read_again()
    {
        var disk = new NullColdStorage();
        await DieInTheMiddleAsync(disk);
        var lost = new ContinuityLost(State(done: true), "the slot is gone", [new RefreshedTable(Todos, 0), new RefreshedTable(Lists, 0)]);
        await using (var losing = await OpenAsync(disk, Options()))
        {
            await losing.AppendAsync(lost);
            await losing.AppendAsync(new RefreshRows(State(done: true), Todos, Rows(Todos, ["0", "a", "before", null], ["2", "a", "two", null])));
            await losing.CommitAsync(100, Inserts(9)[5..]);
            await losing.FlushAsync();
            Assert.Equal(new OpId(3), losing.Seen.Visible!.LastOpId);
            await losing.Log.AbandonAsync();
        }
        await using var fixture = await OpenAsync(disk, Options());
        Assert.Equal(new Checkpoint(new OpId(3), new Lsn(10)) { Rules = 1 }, fixture.Seen.Started);
        Assert.Equal(1, fixture.Log.Directory.Find("1#all[]").Count);

        await fixture.AppendAsync(new RefreshRows(State(done: true), Lists, Rows(Lists, ["a", "before"])));
        await fixture.AppendAsync(new RefreshEnded(State(done: true), [Todos.RelationId, Lists.RelationId], []));

        Assert.Equal(["0", "2", "5", "6", "7", "8"], await RowsAsync(disk));
        Assert.Equal(["owner:before"], await LookupsAsync(disk));
        Assert.Equal(new Lsn(100), fixture.Seen.Visible!.Position);
        Assert.Equal((await fixture.StoredAsync("1#all[]")).Length, fixture.Log.Directory.Find("1#all[]").Count);
    }

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 40)];

    /// <summary>Rows and a lookup that are visible at 10, and half of a transaction that ends at 20 and changes them.</summary>
    private static async Task DieInTheMiddleAsync(NullColdStorage disk)
    {
        await using (var first = await OpenFollowingAsync(disk, Options()))
            await first.CommitAsync(10, Insert(Todos, "0", "a", "before", null), Insert(Lists, "a", "before"));
        var storage = new FaultyColdStorage(disk, write => write >= 2 ? StoreFault.CrashAfter : StoreFault.None);
        var fixture = await OpenAsync(storage, new BucketLogOptions { PartBytes = 1, DirtyLimitBytes = 1, GroupCommitDelay = TimeSpan.Zero });
        await Assert.ThrowsAnyAsync<Exception>(() => fixture.AppendAsync(Middle));
        await fixture.Log.AbandonAsync();
    }

    private static TransactionCommitted Middle => new(
        null, new ScriptedTransaction(20, [Update(Lists, "a", "after"), Update(Todos, "0", "a", "after", null), .. Inserts(5)]));

    private static Change[] Inserts(int count) =>
        [.. Enumerable.Range(0, count).Select(id => Insert(Todos, $"{id + (count < 9 ? 1 : 0)}", "a", $"text {id}", null))];

    /// <summary>Takes in the transactions in parts by one process after the other, each killed at a random write.</summary>
    private static async Task RunAsync(
        IColdStorage disk, IReadOnlyList<TransactionCommitted> transactions, Dictionary<Lsn, OpId>? checkpoints, Random? crashes)
    {
        await using (var first = await OpenFollowingAsync(disk, Options()))
            await first.FlushAsync();
        for (var life = 0; ; life++)
        {
            var lastWrite = crashes is null || life == 25 ? int.MaxValue : crashes.Next(1, 6);
            var fault = crashes?.Next(2) == 0 ? StoreFault.CrashBefore : StoreFault.CrashAfter;
            await using var storage = new FaultyColdStorage(disk, write => write >= lastWrite ? fault : StoreFault.None);
            var fixture = await OpenAsync(storage, Options());
            if (checkpoints is not null && fixture.Start.Position > Lsn.None)
                Assert.Equal(checkpoints[fixture.Start.Position], fixture.Seen.Started!.LastOpId);
            var isDone = false;
            try
            {
                foreach (var transaction in transactions.Where(transaction => transaction.Transaction.EndPosition > fixture.Start.Position))
                {
                    await fixture.AppendAsync(transaction);
                    if (checkpoints is not null)
                        Assert.Equal(checkpoints[transaction.Transaction.EndPosition], fixture.Seen.Visible!.LastOpId);
                }
                await fixture.FlushAsync();
                isDone = true;
            }
            catch (Exception failure) when (failure is LogStoppedException or IOException)
            {
                Assert.True(storage.Crashed.IsCompleted, failure.ToString());
            }
            await fixture.Log.AbandonAsync();
            if (isDone)
                return;
        }
    }

    private static async Task<List<string>> DescribeAsync(IColdStorage disk)
    {
        List<string> lines = [];
        foreach (var table in new[] { RecordTable.RowState, RecordTable.Lookup, RecordTable.WriteCheckpoint, RecordTable.PendingLookup })
        {
            await foreach (var record in disk.ScanAsync(table, default, TestContext.Current.CancellationToken))
                lines.Add($"{table} {Convert.ToHexString(record.Key.Span)} {Convert.ToHexString(record.Value.Span)}");
        }
        await foreach (var record in disk.ScanAsync(RecordTable.Bucket, default, TestContext.Current.CancellationToken))
        {
            var name = Encoding.UTF8.GetString(record.Key.Span);
            lines.Add($"{name} {BucketRecord.Read(record.Value.Span).Evaluated}");
            await foreach (var op in disk.ReadAsync(name, OpId.None, new OpId(long.MaxValue), TestContext.Current.CancellationToken))
                lines.Add($"{op.OpId} {RecordingSubscriber.Describe(name, op)}");
        }
        return lines;
    }

    private static async Task<string[]> LookupsAsync(IColdStorage disk)
    {
        List<string> keys = [];
        await foreach (var record in disk.ScanAsync(RecordTable.Lookup, default, TestContext.Current.CancellationToken))
            keys.Add(LookupRecord.Read(record).Key);
        return [.. keys];
    }

    private static async Task<string[]> RowsAsync(IColdStorage disk)
    {
        SortedSet<string> rows = new(StringComparer.Ordinal);
        await foreach (var op in disk.ReadAsync("1#all[]", OpId.None, new OpId(long.MaxValue), TestContext.Current.CancellationToken))
        {
            var id = Encoding.UTF8.GetString(op.Fragment.Span).Split("\"object_id\":\"")[1].Split('"')[0];
            if (op.Kind == OpKind.Put)
                rows.Add(id);
            else
                rows.Remove(id);
        }
        return [.. rows];
    }

    private static BucketLogOptions Options(long partBytes = 1) =>
        new() { PartBytes = partBytes, GroupCommitDelay = TimeSpan.Zero, CompactAfterOps = 0 };

    /// <summary>Knows how much it was given at once.</summary>
    private sealed class MeasuringStorage(IColdStorage disk) : IColdStorage
    {
        public long LargestWrite { get; set; }

        public ValueTask OpenAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public ValueTask WriteAsync(StoreWrite write, CancellationToken cancellationToken)
        {
            LargestWrite = Math.Max(LargestWrite, write.Records.ByteCount + write.Batches.Sum(batch => batch.Fragments.Length));
            return disk.WriteAsync(write, cancellationToken);
        }

        public ValueTask GetAsync(RecordQuery query, CancellationToken cancellationToken) => disk.GetAsync(query, cancellationToken);

        public IAsyncEnumerable<StoredRecord> ScanAsync(RecordTable table, ReadOnlyMemory<byte> prefix, CancellationToken cancellationToken) =>
            disk.ScanAsync(table, prefix, cancellationToken);

        public IAsyncEnumerable<BucketOp> ReadAsync(string bucket, OpId after, OpId upTo, CancellationToken cancellationToken) =>
            disk.ReadAsync(bucket, after, upTo, cancellationToken);

        public ValueTask DisposeAsync() => disk.DisposeAsync();
    }
}
