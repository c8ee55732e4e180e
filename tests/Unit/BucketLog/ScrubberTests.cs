using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Extensions.Logging;
using TopGun.Buckets.BucketLog;
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
    public async Task A_damaged_bucket_is_told_of_once_and_those_behind_it_are_read_again_and_again()
    {
        await using var storage = new HalfBrokenStore();
        var (time, log) = (new ManualTime(), new DamageLog());
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

    private sealed class HalfBrokenStore : IColdStorage
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
                throw new DamagedStoreException("a file", "a bit flipped");
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

    private sealed class DamageLog : ILogger
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add(formatter(state, exception));
    }
}
