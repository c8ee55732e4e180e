using Xunit;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>A bucket log with everything around it in the test's hands. One per process life; the disk is passed from life to life.</summary>
internal sealed class LogFixture : IAsyncDisposable
{
    public static readonly SourceTable Todos = Table(100, "todos", "id", "list_id", "text", "note");
    public static readonly SourceTable Lists = Table(200, "lists", "id", "owner");

    private LogFixture(IColdStorage storage) => Storage = storage;

    public IColdStorage Storage { get; }

    public RecordingSubscriber Seen { get; } = new();

    public required BucketLogWriter Log { get; init; }

    public LogStart Start { get; private set; } = new(null, Lsn.None);

    public Lsn Acknowledged { get; private set; }

    /// <summary>Called with each acknowledged position.</summary>
    public Action<Lsn>? OnAcknowledged { get; set; }

    public static async Task<LogFixture> OpenAsync(
        IColdStorage storage, BucketLogOptions? options = null, IMissingRows? missing = null, TimeProvider? time = null, RuleSet? rules = null,
        Lsn? sourceEnd = null)
    {
        rules ??= new ListRules();
        var logRules = await LogRules.OpenAsync(
            storage, "by hand", (_, _, _) => rules, DateTimeOffset.UnixEpoch, TestContext.Current.CancellationToken);
        LogFixture? fixture = null;
        RecordingSubscriber? seen = null;
        var subscriber = new Forwarding(() => seen!);
        var log = new BucketLogWriter(
            storage, logRules, subscriber, new LogSource(position => fixture!.Acknowledge(position), missing)
            {
                AskPosition = sourceEnd is { } end ? _ => Task.FromResult(end) : null, // where the source is when the log opens
            },
            options ?? new BucketLogOptions { GroupCommitDelay = TimeSpan.Zero },
            new BucketLogEnvironment(time ?? TimeProvider.System, new Random(7), NullLogger<BucketLogWriter>.Instance));
        fixture = new LogFixture(storage) { Log = log };
        seen = fixture.Seen;
        fixture.Start = await log.OpenAsync(TestContext.Current.CancellationToken);
        return fixture;
    }

    /// <summary>Opens a log and takes it past an empty snapshot, so that transactions are visible at once.</summary>
    public static async Task<LogFixture> OpenFollowingAsync(
        IColdStorage storage, BucketLogOptions? options = null, IMissingRows? missing = null, TimeProvider? time = null, RuleSet? rules = null)
    {
        var fixture = await OpenAsync(storage, options, missing, time, rules);
        if (fixture.Start.IsEmpty)
        {
            await fixture.AppendAsync(new SnapshotStarted(State(done: false), "new"));
            await fixture.AppendAsync(new SnapshotEnded(State(done: true)));
        }
        return fixture;
    }

    public async Task AppendAsync(SourceEvent sourceEvent) => await Log.AppendAsync(sourceEvent, TestContext.Current.CancellationToken);

    public Task CommitAsync(ulong position, params ScriptedTransaction.Change[] changes) =>
        AppendAsync(new TransactionCommitted(null, new ScriptedTransaction(position, changes)));

    public async Task FlushAsync() => await Log.FlushAsync(TestContext.Current.CancellationToken);

    public async Task<string[]> StoredAsync(string bucket)
    {
        List<string> lines = [];
        await foreach (var op in Storage.ReadAsync(bucket, OpId.None, new OpId(long.MaxValue), TestContext.Current.CancellationToken))
            lines.Add($"{op.OpId} {op.Kind} {Encoding.UTF8.GetString(op.Fragment.Span)}");
        return [.. lines];
    }

    public async Task<int> CountAsync(RecordTable table)
    {
        var count = 0;
        await foreach (var _ in Storage.ScanAsync(table, default, TestContext.Current.CancellationToken))
            count++;
        return count;
    }

    public ValueTask DisposeAsync() => Log.DisposeAsync();

    public static ReplicationState State(bool done, ulong visibleFrom = 0, params TableProgress[] tables) =>
        new("slot", "system", 1, 1, done, new Lsn(visibleFrom), tables);

    public static SourceTable Table(uint id, string name, params string[] columns) => new(
        id, "public", name, [.. columns.Select((column, index) => new SourceColumn(column, 25, -1, IsKey: index == 0))], ReplicaIdentity.Default);

    public static RowBuffer Rows(SourceTable table, params string?[][] rows)
    {
        var buffer = new RowBuffer();
        buffer.Clear(table.Columns.Count);
        foreach (var value in rows.SelectMany(row => row))
            buffer.Add(value is null ? SourceValueKind.Null : SourceValueKind.Text, Encoding.UTF8.GetBytes(value ?? ""));
        return buffer;
    }

    private void Acknowledge(Lsn position)
    {
        Acknowledged = position;
        OnAcknowledged?.Invoke(position);
    }

    private sealed class Forwarding(Func<IBatchSubscriber> target) : IBatchSubscriber
    {
        public ValueTask StartAsync(IColdStorage storage, BucketDirectory directory, Checkpoint? checkpoint, CancellationToken cancellationToken) =>
            target().StartAsync(storage, directory, checkpoint, cancellationToken);

        public void Append(OpBatch batch, Checkpoint? visible) => target().Append(batch, visible);

        public void Drop(IReadOnlyList<string> buckets) => target().Drop(buckets);

        public void Durable(OpId upTo) => target().Durable(upTo);

        public void Compacting(string bucket) => target().Compacting(bucket);

        public void Compacted(string bucket, OpId through) => target().Compacted(bucket, through);

        public void Reset() => target().Reset();
    }
}
