using TopGun.Buckets.Grid;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Streaming.Auth;
using TopGun.Buckets.Streaming.Operator;

namespace TopGun.Buckets.Host;

/// <summary>How a process does that serves from the store of another one. It stores no revocations, but heeds those that are stored.</summary>
internal sealed class ReaderReporter(
    ReaderPump pump, BucketGrid grid, ReplicationMonitor monitor, RecentProblems problems, ServiceSettings settings, TimeProvider time)
    : IServiceReporter, IRevocationStore
{
    private readonly DateTimeOffset _startedAt = time.GetUtcNow();

    public string? Obstacle => "This process only reads the store. Revoke at the one that writes it (TOPGUN_ROLE=writer); it counts here within a moment.";

    public ServiceReport Report()
    {
        var store = new StoreStatusReport(
            "postgres", StoreReports.PlaceOf(settings), grid.VisibleOpId ?? Protocol.OpId.None, DurableOpId: null, WaitingBytes: 0, pump.Directory.Count,
            SkippedRows: null, DamagedBuckets: null);
        return new ServiceReport(
            ProgramVersion.Text, "reader", _startedAt, ReplicationReports.OfReader(monitor, pump.FollowsSince), store, problems.List());
    }

    public IReadOnlyList<BucketReport> Buckets(int after, int limit, Func<string, bool> isWanted) =>
        StoreReports.Buckets(pump.Directory, after, limit, isWanted);

    public BucketReport Bucket(string name) => StoreReports.Bucket(pump.Directory, name);

    public ValueTask WriteAsync(string key, ReadOnlyMemory<byte>? record, CancellationToken cancellationToken) =>
        throw new InvalidOperationException("A process that only reads writes no revocation.");
}
