using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Streaming.Auth;
using TopGun.Buckets.Streaming.Operator;
using TopGun.Buckets.Tests.Unit.Grid;

namespace TopGun.Buckets.Tests.Unit.Streaming.Http;

/// <summary>Tells of a log of a test, and keeps revocations in a dictionary.</summary>
public sealed class FakeReporter(TestLog log) : IServiceReporter, IRevocationStore
{
    public Dictionary<string, byte[]> Stored { get; } = [];

    /// <summary>What a write ends with, if set.</summary>
    public Exception? Failure { get; set; }

    public string? Obstacle { get; set; }

    public ReplicationReport Replication { get; set; } = new(
        "streaming", DateTimeOffset.UnixEpoch, "topgun_slot", "0/1", "0/2", LagBytes: 1, LagSeconds: 0.5, Failure: null,
        new SlotBudgetReport(HeldBytes: 5, LimitBytes: 10, Used: 0.5, SecondsLeft: null), Snapshot: null, Stale: null,
        [new TableReport("public.todos", RowCount: 3, IsRead: true, IsRefreshing: false, new StaleReport("was rewritten", DateTimeOffset.UnixEpoch))]);

    public ServiceReport Report() => new(
        "1.0", "writer", DateTimeOffset.UnixEpoch, Replication,
        new StoreStatusReport("embedded", "/store", log.LastOpId, DurableOpId: null, WaitingBytes: 0, log.Directory.Count,
            new SkippedRowsReport(Open: 1, Unlisted: 0, [new("public.todos", "id=7", Bytes: 9, "0/1", CommittedAt: null, "by_list", "It is too long.", Count: 1, MendedPosition: null)]),
            [new DamagedBucketReport("1#by_list[]", "A file is damaged.", DateTimeOffset.UnixEpoch)]),
        [new ErrorReport(DateTimeOffset.UnixEpoch, Count: 2, "warning", "TGB2005", EventId: 1211, "BucketLogWriter", "The store has no room.")]);

    public IReadOnlyList<BucketReport> Buckets(int after, int limit, Func<string, bool> isWanted) =>
        [.. log.Directory.List(after, limit, isWanted).Select(static bucket => Describe(bucket.Number, bucket.Name, bucket.Summary))];

    public BucketReport Bucket(string name) => Describe(log.Directory.NumberOf(name), name, log.Directory.Find(name));

    public ValueTask WriteAsync(string key, ReadOnlyMemory<byte>? record, CancellationToken cancellationToken)
    {
        if (Failure is not null)
            throw Failure;
        if (record is { } value)
            Stored[key] = value.ToArray();
        else
            Stored.Remove(key);
        return ValueTask.CompletedTask;
    }

    private static BucketReport Describe(int number, string name, BucketSummary summary) =>
        new(number, name, summary.Count, summary.ByteCount, summary.Checksum, summary.LastOpId, summary.Superseded);
}
