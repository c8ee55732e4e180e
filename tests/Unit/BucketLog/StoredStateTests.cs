using System.Text;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.BucketLog.Evaluation;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using Xunit;
using static TopGun.Buckets.Tests.Unit.BucketLog.LogFixture;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>What is stored beside the operations says what they say.</summary>
public class StoredStateTests
{
    public static IEnumerable<TheoryDataRow<int>> Seeds => Enumerable.Range(1, 60).Select(seed => new TheoryDataRow<int>(seed));

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Row_states_remember_the_live_rows_of_every_bucket_and_totals_are_those_of_its_operations(int seed)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var disk = new NullColdStorage();
        var options = new BucketLogOptions
        {
            GroupCommitDelay = TimeSpan.Zero,
            CompactAfterOps = random.Next(2) * random.Next(1, 20),
            DefragmentAfterOps = 5,
            DefragmentRatio = 1,
            PartBytes = random.Next(2) == 0 ? 1 : 8 << 20,
        };
        await using var fixture = await OpenFollowingAsync(disk, options);
        foreach (var transaction in new RandomSource(seed).Make(80))
        {
            await fixture.AppendAsync(transaction);
            if (random.Next(10) == 0)
                await fixture.Log.CompactAsync(TestContext.Current.CancellationToken);
        }
        await fixture.FlushAsync();
        await fixture.Log.SettleAsync(TestContext.Current.CancellationToken);

        Assert.Equal(await LiveAsync(disk), await RememberedAsync(disk));
        Assert.Empty((await StoreVerifier.VerifyAsync(disk, TestContext.Current.CancellationToken)).Damage);
    }

    private static async Task<SortedSet<string>> LiveAsync(NullColdStorage disk)
    {
        var live = new SortedSet<string>(StringComparer.Ordinal);
        await foreach (var record in disk.ScanAsync(RecordTable.Bucket, default, TestContext.Current.CancellationToken))
        {
            var (name, bucket) = (Encoding.UTF8.GetString(record.Key.Span), new ReducedBucket());
            await foreach (var op in disk.ReadAsync(name, OpId.None, new OpId(ulong.MaxValue), TestContext.Current.CancellationToken))
                bucket.Receive(op);
            live.UnionWith(bucket.Rows.Keys.Select(key => $"{name} {string.Join(' ', key.Split('\n')[..2])}"));
        }
        return live;
    }

    private static async Task<SortedSet<string>> RememberedAsync(NullColdStorage disk)
    {
        var names = new Dictionary<int, string>();
        await foreach (var record in disk.ScanAsync(RecordTable.Bucket, default, TestContext.Current.CancellationToken))
            names.Add(BucketRecord.Read(record.Value.Span).Number, Encoding.UTF8.GetString(record.Key.Span));
        var remembered = new SortedSet<string>(StringComparer.Ordinal);
        await foreach (var record in disk.ScanAsync(RecordTable.RowState, default, TestContext.Current.CancellationToken))
            Add(RowState.Read(record.Value.Span), names, remembered);
        return remembered;
    }

    private static void Add(RowState state, Dictionary<int, string> names, SortedSet<string> remembered)
    {
        var reader = state.Outputs;
        for (var left = reader.ReadCount(); left > 0; left--)
        {
            var row = $"{Encoding.UTF8.GetString(reader.ReadBlob())} {Encoding.UTF8.GetString(reader.ReadBlob())}";
            for (var buckets = reader.ReadCount(); buckets > 0; buckets--)
                remembered.Add($"{names[reader.ReadCount()]} {row}");
        }
    }
}
