using Microsoft.Extensions.Logging;
using TopGun.Buckets.BucketLog.Writing;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>Reads every bucket in the store again and again, slowly, so that damage is met before somebody needs what is damaged.</summary>
/// <remarks>
/// What it reads is checked by the store and thrown away. The log tells of damage, whoever meets it; the scrubber of what keeps it from reading otherwise, once
/// for each bucket.
/// </remarks>
internal sealed partial class Scrubber(
    IColdStorage storage, BucketDirectory directory, BucketLogOptions options, TimeProvider time, ILogger logger) : IAsyncDisposable
{
    private static readonly TimeSpan Rest = TimeSpan.FromMinutes(10); // between two rounds: a small store is not read without end

    private readonly HashSet<string> _unreadable = new(StringComparer.Ordinal);
    private BackgroundLoop? _loop;

    public void Start()
    {
        if (options.ScrubBytesPerSecond <= 0)
            return;
        _loop = new BackgroundLoop(RunAsync, failure => Log.Stopped(logger, failure));
        _loop.Start();
    }

    public ValueTask DisposeAsync() => _loop?.DisposeAsync() ?? default;

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await Task.Delay(Rest, time, cancellationToken);
            await ReadAllAsync(cancellationToken);
        }
    }

    private async ValueTask ReadAllAsync(CancellationToken cancellationToken)
    {
        var due = 0L;
        for (var number = 1; directory.NameOf(number) is { } bucket; number++)
        {
            try
            {
                await foreach (var op in storage.ReadAsync(bucket, OpId.None, new OpId(long.MaxValue), cancellationToken))
                {
                    due += op.Fragment.Length;
                    if (due < options.ScrubBytesPerSecond)
                        continue;
                    await Task.Delay(TimeSpan.FromSeconds(due / (double)options.ScrubBytesPerSecond), time, cancellationToken);
                    due = 0;
                }
            }
            catch (BucketsException failure)
            {
                if (failure.Code != WatchedStorage.DamageCode && _unreadable.Add(bucket))
                    Log.Unreadable(logger, bucket, failure);
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1243, LogLevel.Error, "{Bucket} cannot be read from the store.")]
        public static partial void Unreadable(ILogger logger, string bucket, Exception failure);

        [LoggerMessage(1244, LogLevel.Error, "The store is not looked through any more.")]
        public static partial void Stopped(ILogger logger, Exception failure);
    }
}
