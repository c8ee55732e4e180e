using Microsoft.Extensions.Logging;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.BucketLog;

/// <summary>Tells a subscriber what another process writes to a shared store: checkpoints, changed buckets and lookups, write checkpoints.</summary>
/// <remarks>
/// To the subscriber it is as if the log were written here, only that everything is durable when it comes. Operations come along for the buckets it
/// keeps; whatever else it wants it reads from the store.
/// </remarks>
/// <param name="feed">The opened store.</param>
/// <param name="subscriber">Who is told.</param>
/// <param name="loading">Called before everything is loaded, in the same moment of the store; may throw <see cref="NoStoredRulesException"/>.</param>
/// <param name="replication">Told where replication stands, for what is written to the source from here.</param>
/// <param name="time">The clock of all waiting.</param>
/// <param name="logger">Told what an operator should know.</param>
public sealed partial class StoreTail(
    IStoreFeed feed,
    IBatchSubscriber subscriber,
    Func<IColdStorage, CancellationToken, ValueTask> loading,
    Action<ReplicationState> replication,
    TimeProvider time,
    ILogger<StoreTail> logger)
{
    private static readonly TimeSpan RulesDelay = TimeSpan.FromSeconds(1);

    // What a large transaction has changed is read by those who want it, a page at a time.
    private const int MostOpsAtOnce = 50_000;
    private const int MostBytesAtOnce = 16 << 20;

    private BucketDirectory _directory = new();
    private Func<string, CancellationToken, ValueTask<bool>>? _noteCompaction;
    private long _number;

    /// <summary>Every bucket's name and totals, as far as the store is followed.</summary>
    public BucketDirectory Directory => Volatile.Read(ref _directory);

    /// <summary>Called with the store before anything is told, and whenever revocations of tokens have changed.</summary>
    public Func<IColdStorage, CancellationToken, ValueTask>? RevocationsChanged { get; init; }

    /// <summary>When the store was last looked at and there was nothing that is not told.</summary>
    public DateTimeOffset CaughtUpAt { get; private set; }

    /// <summary>Follows the store until cancelled.</summary>
    /// <exception cref="BucketsException">The store failed.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await LoadAsync(cancellationToken);
            while (await FollowAsync(cancellationToken))
                await feed.WaitAsync(cancellationToken);
            Log.LoadsAnew(logger, _number);
            subscriber.Reset();
        }
    }

    /// <summary>Begins with what the store holds.</summary>
    private async ValueTask LoadAsync(CancellationToken cancellationToken)
    {
        var isTold = false;
        while (true)
        {
            _number = await feed.BeginMomentAsync(cancellationToken);
            try
            {
                await loading(feed, cancellationToken);
                await LoadMomentAsync(cancellationToken);
                return;
            }
            catch (NoStoredRulesException failure)
            {
                if (!isTold)
                    Log.NoRules(logger, failure.Message);
                isTold = true;
            }
            finally
            {
                await feed.EndMomentAsync();
            }
            await Task.Delay(RulesDelay, time, cancellationToken);
        }
    }

    private async ValueTask LoadMomentAsync(CancellationToken cancellationToken)
    {
        var query = new RecordQuery();
        query.Add(RecordTable.Meta, MetaKey.Position);
        query.Add(RecordTable.Meta, MetaKey.Replication);
        query.Add(RecordTable.Meta, MetaKey.Refresh);
        await feed.GetAsync(query, cancellationToken);
        var position = query.TryGetValue(0, out var stored) ? LogPosition.Read(stored.Span) : LogPosition.Empty;
        var state = query.TryGetValue(1, out var text) ? ReplicationState.Parse(text.Span) : null;
        if (state is not null)
            replication(state);

        _directory = new BucketDirectory();
        await _directory.LoadAsync(feed, numberCount: 0, position.ShownUpTo, cancellationToken);
        var storage = new TailedStorage(feed, _directory, subscriber);
        _noteCompaction = storage.NoteCompactionAsync;
        var refresh = new RefreshRecord();
        if (query.TryGetValue(2, out var record))
            refresh.Load(record.Span);
        if (RevocationsChanged is not null)
            await RevocationsChanged(feed, cancellationToken);
        var visible = refresh.VisibleAt(position, state);
        await subscriber.StartAsync(storage, _directory, visible, cancellationToken);
        subscriber.Durable(position.LastOpId);
        Log.Loaded(logger, _number, _directory.Count);
    }

    /// <summary>Tells what was written since; false when everything has to be loaded anew.</summary>
    private async ValueTask<bool> FollowAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await feed.ReadNoticesAsync(_number, cancellationToken) is not { } notices)
                return false;
            foreach (var (number, notice) in notices)
            {
                if (notice.IsEverything)
                    return false;
                if (notice.Replication is { } state)
                    replication(state);
                if (notice.AreRevocationsNew && RevocationsChanged is not null)
                    await RevocationsChanged(feed, cancellationToken);
                if (!await TellAsync(notice, cancellationToken))
                    return false;
                _number = number;
            }
            if (notices.Count == 0)
            {
                CaughtUpAt = time.GetUtcNow();
                return true;
            }
        }
    }

    /// <summary>Tells one write; false when it cannot be told by itself.</summary>
    private async ValueTask<bool> TellAsync(WriteNotice notice, CancellationToken cancellationToken)
    {
        foreach (var bucket in notice.Rewritten)
        {
            if (!await _noteCompaction!(bucket, cancellationToken))
                return false; // a bucket was dropped
        }
        var batch = await BuildAsync(notice, cancellationToken);
        if (batch.Checkpoint.LastOpId > OpId.None)
            subscriber.Durable(batch.Checkpoint.LastOpId);
        foreach (var change in batch.Buckets)
            _directory.Set(change.Name, change.Summary);
        subscriber.Append(batch, notice.Visible);
        return true;
    }

    private async ValueTask<OpBatch> BuildAsync(WriteNotice notice, CancellationToken cancellationToken)
    {
        List<(string Bucket, OpId After)> kept = [];
        foreach (var (name, summary) in notice.Buckets)
        {
            var before = _directory.Find(name);
            if (summary.Count - before.Count <= MostOpsAtOnce && summary.ByteCount - before.ByteCount <= MostBytesAtOnce && subscriber.Keeps(name))
                kept.Add((name, before.LastOpId));
        }
        var read = kept.Count == 0 ? null : await feed.ReadAsync(kept, notice.LastOpId, cancellationToken);
        List<BucketOp> ops = [];
        List<BucketChange> changes = [];
        foreach (var (name, summary) in notice.Buckets)
        {
            var (first, count) = (ops.Count, 0);
            // What was rewritten since it was written does not add up any more, and is read from the store when somebody asks.
            if (read is not null && read.TryGetValue(name, out var its) && AddsUp(_directory.Find(name), its, summary))
            {
                ops.AddRange(its);
                count = its.Count;
            }
            changes.Add(new BucketChange(name, first, count, summary));
        }
        return new OpBatch
        {
            Checkpoint = new Checkpoint(notice.LastOpId, notice.Visible?.Position ?? Lsn.None),
            FirstOpId = ops.Count == 0 ? OpId.None : ops.Min(op => op.OpId),
            Ops = ops.ToArray(),
            Fragments = ReadOnlyMemory<byte>.Empty,
            Buckets = changes,
            Lookups = notice.Lookups,
            WriteCheckpoints = notice.WriteCheckpoints,
        };
    }

    private static bool AddsUp(BucketSummary before, IReadOnlyList<BucketOp> ops, BucketSummary after)
    {
        var sum = before.Checksum;
        foreach (var op in ops)
            sum = op.Kind == OpKind.Clear ? op.Checksum : unchecked(sum + op.Checksum);
        return ops.Count > 0 && sum == after.Checksum && before.Count + ops.Count == after.Count && ops[^1].OpId == after.LastOpId;
    }

    private static partial class Log
    {
        [LoggerMessage(1220, LogLevel.Information, "Following the store from write {Number} with {BucketCount} buckets.")]
        public static partial void Loaded(ILogger logger, long number, int bucketCount);

        [LoggerMessage(1221, LogLevel.Information, "The store was filled anew, or too much was written since write {Number}; loading it.")]
        public static partial void LoadsAnew(ILogger logger, long number);

        [LoggerMessage(1222, LogLevel.Warning, "Waiting for the rules: {Message}")]
        public static partial void NoRules(ILogger logger, string message);
    }
}
