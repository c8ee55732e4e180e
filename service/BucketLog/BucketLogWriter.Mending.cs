using Microsoft.Extensions.Logging;
using TopGun.Buckets.BucketLog.Deploying;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.BucketLog.Writing;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

// What is damaged in the store. A bucket is refused to whoever needs it from there, and its definition is deployed anew, under another version: filled from the
// stored rows, while everything else goes on. Where the records are damaged nothing can be gone on with, so the next start reads everything from the source.
public sealed partial class BucketLogWriter
{
    private readonly SortedDictionary<string, DamagedBucket> _damaged = new(StringComparer.Ordinal); // guarded by _requestGate
    private bool _isDamaged; // whether there are any

    /// <summary>Buckets that were found to be damaged and are not gone yet.</summary>
    public IReadOnlyList<DamagedBucket> Damaged
    {
        get
        {
            lock (_requestGate)
                return [.. _damaged.Values];
        }
    }

    private void NoteDamage(string bucket, BucketsException failure)
    {
        if (Directory.NumberOf(bucket) == 0)
            return; // dropped meanwhile
        lock (_requestGate)
        {
            if (!_damaged.TryAdd(bucket, new DamagedBucket(bucket, failure.Message, _environment.Time.GetUtcNow())))
                return;
            Volatile.Write(ref _isDamaged, true);
        }
        Log.Damaged(_environment.Logger, bucket, failure);
        Work.Pulse();
    }

    /// <summary>Versions of damaged parts of the rules that nothing takes the place of yet.</summary>
    private HashSet<int> Unmended()
    {
        HashSet<int> versions = [];
        lock (_requestGate)
        {
            foreach (var bucket in _damaged.Keys)
            {
                if (_rules.IsWanted(RulesVersion.Of(bucket)))
                    versions.Add(RulesVersion.Of(bucket));
            }
        }
        return versions;
    }

    private bool CanMend() => Volatile.Read(ref _isDamaged) && CanChangeRules() && Unmended().Count > 0;

    private async ValueTask MendAsync(CancellationToken cancellationToken)
    {
        var versions = Unmended();
        Log.Mending(_environment.Logger, versions.Count);
        var rules = _rules.Building ?? _rules.Active;
        await BeginAsync(new DeployRequest(rules.Text, IsFile: false, Lsn.None) { Anew = versions, Tables = _rules.Awaited }, cancellationToken);
    }

    private void ForgetDamage(IReadOnlyList<BucketEntry> dropped)
    {
        lock (_requestGate)
        {
            foreach (var bucket in dropped)
                _damaged.Remove(bucket.Name);
            Volatile.Write(ref _isDamaged, _damaged.Count > 0);
        }
    }

    /// <summary>
    /// Remembers, where records themselves are damaged, that the store cannot be gone on with: it is then filled anew at the next start, with op ids above every
    /// one that may have been seen.
    /// </summary>
    private async ValueTask GiveUpAsync(Exception failure)
    {
        if (failure is not BucketsException { Code: WatchedStorage.DamageCode })
            return;
        Log.GivenUp(_environment.Logger, failure);
        var records = new RecordChanges();
        records.Put(RecordTable.Meta, MetaKey.Damaged, [1]);
        _window.Add(records);
        _writer.Notify();
        try
        {
            await _writer.FlushAsync(CancellationToken.None);
        }
        catch (BucketsException)
        {
            // Then it stays as it is, and what failed fails again.
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1240, LogLevel.Error, "{Bucket} is damaged in the store. Who needs it from there is refused until its definition has been filled anew from the stored rows, which begins by itself.")]
        public static partial void Damaged(ILogger logger, string bucket, Exception failure);

        [LoggerMessage(1241, LogLevel.Warning, "{Count} definitions with damaged buckets are filled anew, beside everything else.")]
        public static partial void Mending(ILogger logger, int count);

        [LoggerMessage(1242, LogLevel.Error, "Records of the store are damaged, so it cannot be gone on with: everything is read from the source again, at the latest from the next start on.")]
        public static partial void GivenUp(ILogger logger, Exception failure);
    }
}
