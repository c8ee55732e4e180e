using TopGun.Buckets.Replication;
using TopGun.Buckets.Streaming.Auth;
using TopGun.Buckets.Streaming.Operator;

namespace TopGun.Buckets.Host;

/// <summary>How a process does that replicates the source; and the way of its revocations to the store.</summary>
internal sealed class WriterReporter(
    ReplicationPump pump, ReplicationMonitor monitor, RecentProblems problems, ServiceSettings settings, TimeProvider time)
    : IServiceReporter, IRevocationStore
{
    private const int MostSkippedRows = 100; // more than a person reads; the doctor has all of them

    private readonly DateTimeOffset _startedAt = time.GetUtcNow();

    public string? Obstacle => pump.IsStarted ? null : "The store is being opened. Try again in a moment.";

    public ServiceReport Report()
    {
        var log = pump.Writer;
        var store = new StoreStatusReport(
            settings.StoreBackend.ToString().ToLowerInvariant(), StoreReports.PlaceOf(settings), log.LastOpId, log.DurableOpId, log.WaitingBytes,
            log.Directory.Count, StoreReports.Of(log.ListSkipped(MostSkippedRows)), [.. log.Damaged.Select(StoreReports.Of)]);
        return new ServiceReport(ProgramVersion.Text, "writer", _startedAt, ReplicationReports.Of(monitor), store, problems.List());
    }

    public IReadOnlyList<BucketReport> Buckets(int after, int limit, Func<string, bool> isWanted) =>
        StoreReports.Buckets(pump.Writer.Directory, after, limit, isWanted);

    public BucketReport Bucket(string name) => StoreReports.Bucket(pump.Writer.Directory, name);

    public ValueTask WriteAsync(string key, ReadOnlyMemory<byte>? record, CancellationToken cancellationToken) =>
        pump.Writer.WriteRevocationAsync(key, record, cancellationToken);
}
