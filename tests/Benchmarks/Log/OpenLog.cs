using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Embedded;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.Log;

/// <summary>A bucket log over a store of its own, past an empty snapshot or where it was left: transactions that come now are visible at once.</summary>
internal sealed class OpenLog : IAsyncDisposable
{
    private readonly BucketLogWriter _writer;
    private readonly IColdStorage _storage;
    private ulong _position;

    private OpenLog(BucketLogWriter writer, IColdStorage storage)
    {
        _writer = writer;
        _storage = storage;
    }

    public static async Task<OpenLog> CreateAsync(IColdStorage storage, IBatchSubscriber subscriber, CancellationToken cancellationToken)
    {
        await storage.OpenAsync(cancellationToken);
        var rules = await LogRules.OpenAsync(storage, BenchmarkData.Rules, Compile, DateTimeOffset.UnixEpoch, cancellationToken);
        var writer = new BucketLogWriter(
            storage,
            rules,
            subscriber,
            new LogSource(_ => { }),
            new BucketLogOptions(),
            new BucketLogEnvironment(TimeProvider.System, new Random(7), NullLogger<BucketLogWriter>.Instance));
        var start = await writer.OpenAsync(cancellationToken);
        var log = new OpenLog(writer, storage) { _position = start.Position.Value };
        if (!start.IsEmpty)
            return log;
        await writer.AppendAsync(new SnapshotStarted(State(done: false), "a new store"), cancellationToken);
        await writer.AppendAsync(new SnapshotEnded(State(done: true)), cancellationToken);
        return log;
    }

    /// <summary>Takes in rows, so many in each transaction.</summary>
    public async ValueTask AppendAsync(RowChangeKind kind, SourceRow[] rows, int perTransaction, CancellationToken cancellationToken)
    {
        for (var first = 0; first < rows.Length; first += perTransaction)
        {
            var part = new ArraySegment<SourceRow>(rows, first, Math.Min(perTransaction, rows.Length - first));
            await _writer.AppendAsync(new TransactionCommitted(null, new RowsTransaction(++_position, kind, part)), cancellationToken);
        }
    }

    /// <summary>Name of the bucket of a definition that came first.</summary>
    public string FirstBucket(string definition) =>
        _writer.Directory.List(after: 0, limit: 1, name => name.Contains(definition, StringComparison.Ordinal)).Single().Name;

    /// <summary>Waits until everything is durable.</summary>
    public ValueTask FlushAsync(CancellationToken cancellationToken) => _writer.FlushAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _writer.DisposeAsync();
        await _storage.DisposeAsync();
    }

    public static IColdStorage Storage(string backend, string folder) => backend switch
    {
        "embedded" => new EmbeddedColdStorage(folder, new EmbeddedOptions(), NullLogger<EmbeddedColdStorage>.Instance),
        "null" => new NullColdStorage(),
        _ => throw new ArgumentException($"--store is embedded or null; {backend} is neither."),
    };

    private static RuleSet? Compile(string text, IReadOnlyDictionary<string, int> versions, IReadOnlyDictionary<string, int> indexVersions) =>
        RuleSet.Parse(text, new RuleSetOptions { Versions = versions, IndexVersions = indexVersions }).Rules;

    private static ReplicationState State(bool done) => new("benchmark", "system", 1, 1, done, Lsn.None, []);
}
