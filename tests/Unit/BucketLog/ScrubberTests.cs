using System.Runtime.CompilerServices;
using System.Text;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.BucketLog.Writing;
using TopGun.Buckets.ColdStorage;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Support;
using TopGun.Buckets.Tests.Unit.Streaming;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>Looking through the store for damage.</summary>
public class ScrubberTests
{
    [Fact]
    public async Task A_bucket_that_cannot_be_read_is_told_of_once_and_those_behind_it_are_read_again_and_again()
    {
        await using var storage = new HalfBrokenStore(new StoreFailedException("the store", new IOException("No such device.")));
        var (time, log) = (new ManualTime(), new LineLog());
        var directory = new BucketDirectory();
        foreach (var bucket in (string[])["a[]", "broken[]", "c[]"])
            directory.GetOrAdd(Encoding.UTF8.GetBytes(bucket));
        await using var scrubber = new Scrubber(storage, directory, new BucketLogOptions(), time, log);
        scrubber.Start();

        await storage.WaitForAsync(reads: 7, time); // the seventh read says that the sixth is over

        Assert.Equal("a[] broken[] c[] a[] broken[] c[]", string.Join(' ', storage.Read.Take(6)));
        var line = Assert.Single(log.Lines);
        Assert.Contains("broken[] cannot be read", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Damage_that_it_meets_is_told_of_once_by_the_log()
    {
        await using var storage = new HalfBrokenStore(new DamagedStoreException("a file", "a bit flipped"));
        var (time, log) = (new ManualTime(), new LineLog());
        var directory = new BucketDirectory();
        directory.GetOrAdd("broken[]"u8);
        await using var watched = new WatchedStorage(storage, (bucket, failure) => log.Add($"{bucket}: {failure.Code}"));
        await using var scrubber = new Scrubber(watched, directory, new BucketLogOptions(), time, log);
        scrubber.Start();

        await storage.WaitForAsync(reads: 2, time); // the second read says that the first is over

        Assert.Equal("broken[]: TGB2003", log.Lines[0]);
        Assert.DoesNotContain(log.Lines, line => line.Contains("cannot be read", StringComparison.Ordinal));
    }

    private sealed class HalfBrokenStore(Exception failure) : IColdStorage
    {
        private readonly SemaphoreSlim _reads = new(0);
        public List<string> Read { get; } = [];

        /// <summary>Lets time pass until there were so many reads. When the scrubber begins to rest is its own affair, so the clock moves on and on.</summary>
        public async Task WaitForAsync(int reads, ManualTime time)
        {
            using var patience = new CancellationTokenSource(Patience.Limit);
            for (var seen = 0; seen < reads; seen++)
            {
                while (!await _reads.WaitAsync(TimeSpan.FromMilliseconds(1), patience.Token))
                    time.Advance(TimeSpan.FromMinutes(10));
            }
        }

        public async IAsyncEnumerable<BucketOp> ReadAsync(
            string bucket, OpId after, OpId upTo, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.CompletedTask;
            Read.Add(bucket);
            _reads.Release();
            if (bucket == "broken[]")
                throw failure;
            yield break;
        }

        public ValueTask OpenAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask WriteAsync(StoreWrite write, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask GetAsync(RecordQuery query, CancellationToken cancellationToken) => throw new NotSupportedException();

        public IAsyncEnumerable<StoredRecord> ScanAsync(RecordTable table, ReadOnlyMemory<byte> prefix, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask DisposeAsync()
        {
            _reads.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
