using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Streams;
using TopGun.Buckets.Client.Upload;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Protocol.Json;

namespace TopGun.Buckets.Client.Sync;

/// <summary>The client's end of the path: takes lines of the stream, and when the sums of a checkpoint agree, makes it visible.</summary>
/// <remarks>
/// A batch of lines is one SQLite transaction: received operations, positions, sums and what became visible commit together, so a kill
/// leaves the state before or after it. Used by one stream at a time; <see cref="BeginAsync"/> starts each from what is committed.
/// </remarks>
internal sealed class CheckpointApplier
{
    /// <summary>Log pages that are moved at once while a first download is merged: an app write waits that long at most, and no page comes twice.</summary>
    private const int MergedPages = 1024;

    private readonly LocalDatabase _local;
    private readonly StreamBook _streams;
    private readonly BulkLimits _bulk;
    private readonly BucketStore _store;
    private readonly Publisher _publisher;
    private CheckpointTarget? _target;
    private bool _waitsForGate;
    private string _clientId = "";
    private long _downloaded;
    private long _total;
    private long _bytes;
    private IReadOnlyList<PriorityShare> _shares = [];

    public CheckpointApplier(LocalDatabase local, LocalSchema schema, StreamBook streams, BulkLimits bulk)
    {
        var tables = new RowTables(schema);
        (_local, _streams, _bulk) = (local, streams, bulk);
        _store = new BucketStore(tables, bulk);
        _publisher = new Publisher(tables);
    }

    /// <summary>Operations of the running checkpoint, or null between checkpoints.</summary>
    public DownloadProgress? Progress => _total == 0
        ? null
        : new DownloadProgress(_downloaded, Math.Max(_downloaded, _total)) { Bytes = _bytes, Shares = _shares };

    /// <summary>Whether a complete checkpoint is held back for the sake of local writes.</summary>
    public bool WaitsForGate => _waitsForGate;

    /// <summary>Forgets what an earlier stream announced and reads what the next request says.</summary>
    public Task<SyncStart> BeginAsync(CancellationToken cancellationToken) => _local.WriteAsync(Lane.Sync, Begin, cancellationToken);

    /// <summary>Whether the app by now wants other streams than <see cref="BeginAsync"/> read, or the database goes by another client id.</summary>
    public Task<bool> WantsOtherStreamsAsync(CancellationToken cancellationToken) =>
        _local.WriteAsync(Lane.Sync, database => HasOtherWishes(database), cancellationToken);

    /// <summary>Applies a batch of lines.</summary>
    /// <exception cref="BucketsException">
    /// A line is malformed or out of order; nothing of the batch was applied. Or what a first download had put away is lost (TGB6013); it is
    /// forgotten, and the next stream begins it again.
    /// </exception>
    public async Task<ApplyResult> ApplyAsync(LineBatch batch, CancellationToken cancellationToken)
    {
        try
        {
            return await ApplyAndMergeAsync(batch, cancellationToken);
        }
        catch (BucketsException exception) when (exception.Code == ClientErrors.DownloadLostCode)
        {
            await _local.WriteAsync(
                Lane.Sync,
                database =>
                {
                    BulkDownload.Abandon(database);
                    return true;
                },
                cancellationToken);
            throw;
        }
    }

    private async Task<ApplyResult> ApplyAndMergeAsync(LineBatch batch, CancellationToken cancellationToken)
    {
        var result = new ApplyResult();
        var applied = 0;
        while (true)
        {
            var from = applied;
            applied = await _local.WriteAsync(
                Lane.Sync, database => Apply(database, batch, from, result), cancellationToken, upTo => IsOver(upTo) ? result.Changed : new ChangeSet());
            if (IsOver(applied))
                return result;
            await MergeAsync(cancellationToken);
        }

        bool IsOver(int upTo) => upTo == batch.Count || result.Mismatched.Count > 0;
    }

    /// <summary>Shows the checkpoint that was held back, if local writes no longer stand in its way.</summary>
    public async Task<ApplyResult> PublishHeldBackAsync(CancellationToken cancellationToken)
    {
        if (!_waitsForGate)
            return new ApplyResult();
        return await _local.WriteAsync(Lane.Sync, database =>
        {
            var result = new ApplyResult();
            if (_waitsForGate && _target is not null && WriteGate.State(database) == BlockedBy.Nothing)
                PublishAll(database, _target, result);
            _store.Save(database);
            return result;
        }, cancellationToken, static result => result.Changed);
    }

    /// <summary>Does what can wait until everybody knows of the last batch.</summary>
    public Task TidyAsync(CancellationToken cancellationToken) => _local.TidyAsync(LocalDatabase.LongLogPages, cancellationToken);

    private bool HasOtherWishes(Database database) => _clientId != _local.ClientId || _streams.HasOtherWishes(database, _local.Now);

    private SyncStart Begin(Database database)
    {
        _clientId = _local.ClientId;
        _store.Load(database);
        _target = null;
        _waitsForGate = false;
        _downloaded = _total = _bytes = 0;
        var positions = new List<(string, OpId)>();
        foreach (var bucket in _store.Buckets)
            positions.Add((bucket.Name, bucket.Received));
        var subscriptions = _streams.Begin(database, _local.Now);
        return new SyncStart(positions, subscriptions, _streams.Describe(database));
    }

    /// <summary>Merges what a first download put away, a little in each transaction, so that app writes get in between.</summary>
    private async Task MergeAsync(CancellationToken cancellationToken)
    {
        while (!await _local.WriteAsync(Lane.Sync, _store.Merge, cancellationToken))
            await _local.TidyAsync(MergedPages, cancellationToken);
        RunFile.Delete(_local.File);
    }

    /// <returns>How many lines have been applied; where not all have, there is something to merge first.</returns>
    private int Apply(Database database, LineBatch batch, int from, ApplyResult result)
    {
        var received = 0;
        var index = from;
        for (; index < batch.Count && result.Mismatched.Count == 0 && !_store.IsMerging; index++)
        {
            var line = batch[index];
            if (SyncLineReader.KindOf(line) == SyncLineKind.Data)
            {
                received += Receive(database, line);
            }
            else if (SyncLineReader.Read(line) is { } message)
            {
                if (StartsMerge(database, message))
                    break;
                Apply(database, message, result);
            }
        }
        if (received > 0 && _total > 0)
        {
            _streams.Measure(Target("data"), _store);
            result.Streams = _streams.Describe(database);
        }
        _shares = _total > 0 ? Shares(Target("data")) : [];
        _store.Save(database);
        return index;
    }

    private bool StartsMerge(Database database, SyncLine message)
    {
        if (!_store.IsCollecting || message is not (CheckpointCompleteLine or PartialCheckpointCompleteLine))
            return false;
        _store.StartMerge(database, staged: message is not PartialCheckpointCompleteLine part || _store.CanShow(database, part.Priority));
        return true;
    }

    private int Receive(Database database, ReadOnlySpan<byte> line)
    {
        var received = _store.Receive(database, line, Target("data"));
        _downloaded += received;
        _bytes += line.Length;
        return received;
    }

    private void Apply(Database database, SyncLine message, ApplyResult result)
    {
        switch (message)
        {
            case CheckpointLine line:
                Track(database, line);
                _streams.Track(database, line);
                _streams.Weigh(_target!);
                _streams.EndDownload();
                result.Streams = _streams.Describe(database);
                break;
            case CheckpointDiffLine line:
                Track(database, line);
                break;
            case PartialCheckpointCompleteLine line:
                CompletePart(database, Target("partial_checkpoint_complete"), line.Priority, result);
                break;
            case CheckpointCompleteLine:
                Complete(database, Target("checkpoint_complete"), result);
                break;
            case TokenExpiresInLine line:
                result.TokenExpiresIn = line.Seconds;
                if (_streams.Refresh(database, _local.Now))
                    result.Streams = _streams.Describe(database);
                result.WantsOtherStreams = HasOtherWishes(database);
                break;
        }
    }

    private List<PriorityShare> Shares(CheckpointTarget target)
    {
        var shares = new SortedDictionary<int, PriorityShare>();
        foreach (var announced in target.Buckets)
        {
            var local = _store.Find(announced.Name);
            var total = Math.Max(0, announced.Count - (local?.CountAtLast ?? 0));
            var share = shares.GetValueOrDefault(announced.Priority);
            shares[announced.Priority] = new PriorityShare(
                announced.Priority, share.Downloaded + Math.Min(local?.CountSinceLast ?? 0, total), share.Total + total, share.Bytes + (local?.BytesSinceLast ?? 0));
        }
        return [.. shares.Values];
    }

    private CheckpointTarget Target(string line) => _target ?? throw ClientErrors.OutOfOrder($"'{line}' came before any checkpoint");

    private void Track(Database database, CheckpointLine line)
    {
        _waitsForGate = false;
        _target = new CheckpointTarget(line);
        foreach (var bucket in _store.Buckets.ToArray())
        {
            if (_target.Find(bucket.Name) is null)
                _store.Remove(database, bucket);
        }
        _downloaded = _total = _bytes = 0;
        foreach (var bucket in _store.Buckets)
            bucket.BytesSinceLast = 0;
        var shrunk = false;
        foreach (var announced in line.Buckets)
        {
            if (_store.Find(announced.Name) is not { } bucket)
            {
                _total += announced.Count;
                continue;
            }
            SetPriority(bucket, announced.Priority);
            _total += Math.Max(0, announced.Count - bucket.CountAtLast);
            _downloaded += bucket.CountSinceLast;
            shrunk |= announced.Count < bucket.CountAtLast + bucket.CountSinceLast;
        }
        if (shrunk)
            RestartProgress(line);
        if (_total >= _bulk.From)
            _store.StartBulk(database);
    }

    private void Track(Database database, CheckpointDiffLine line)
    {
        var target = Target("checkpoint_diff");
        _waitsForGate = false;
        foreach (var name in line.RemovedBuckets)
        {
            if (_store.Find(name) is { } bucket)
                _store.Remove(database, bucket);
        }
        foreach (var announced in line.UpdatedBuckets)
        {
            _total += Math.Max(0, announced.Count - (target.Find(announced.Name)?.Count ?? 0));
            if (_store.Find(announced.Name) is { } bucket)
                SetPriority(bucket, announced.Priority);
        }
        var moved = line.RemovedBuckets.Count > 0 || line.UpdatedBuckets.Any(announced => !target.HasPlaceOf(announced));
        target.Apply(line);
        if (moved)
            _streams.Weigh(target);
    }

    /// <summary>Compaction made a bucket smaller than what was counted: progress starts again rather than exceed its end.</summary>
    private void RestartProgress(CheckpointLine line)
    {
        foreach (var bucket in _store.Buckets)
        {
            bucket.CountAtLast = bucket.CountSinceLast = 0;
            _store.Touch(bucket);
        }
        _downloaded = 0;
        _total = line.Buckets.Sum(bucket => bucket.Count);
    }

    private void SetPriority(LocalBucket bucket, int priority)
    {
        if (bucket.Priority == priority)
            return;
        bucket.Priority = priority;
        _store.Touch(bucket);
    }

    private void CompletePart(Database database, CheckpointTarget target, int priority, ApplyResult result)
    {
        if (DropMismatched(database, target, priority, result))
            return;
        AdvancePositions(target, priority);

        // Priority 0 is for what must be seen at once, also over a local edit that is still under way.
        if (priority != 0 && WriteGate.State(database) != BlockedBy.Nothing)
            return;
        if (_store.IsStaged && !_store.CanShow(database, priority))
            return; // it is shown with the rest
        _store.Save(database); // the publish looks at the buckets' priorities
        _publisher.Publish(database, _store, priority, _local.Now, result.Changed);
        result.Published = priority;
        NoteSynced(database, priority, result);
    }

    private void Complete(Database database, CheckpointTarget target, ApplyResult result)
    {
        if (DropMismatched(database, target, priority: null, result))
            return;
        database.Run("DELETE FROM tg_mismatch");
        AdvancePositions(target, priority: null);
        if (target.WriteCheckpoint is { } writeCheckpoint && _clientId == _local.ClientId)
            WriteGate.Seen(database, writeCheckpoint);
        _downloaded = _total = _bytes = 0;
        foreach (var bucket in _store.Buckets)
            bucket.BytesSinceLast = 0;
        if (_streams.EndDownload())
            result.Streams = _streams.Describe(database);
        var gate = WriteGate.Report(database, _local);
        result.Gate = gate;
        if (gate.State == BlockedBy.Nothing)
            PublishAll(database, target, result);
        else
            _waitsForGate = true;
    }

    private void PublishAll(Database database, CheckpointTarget target, ApplyResult result)
    {
        _waitsForGate = false;
        _publisher.Publish(database, _store, priority: null, _local.Now, result.Changed);
        result.Published = Publisher.FullSync;
        result.Gate = WriteGate.Report(database, _local);
        NoteSynced(database, priority: null, result);
        foreach (var bucket in _store.Buckets)
        {
            var count = target.Find(bucket.Name)?.Count ?? 0;
            if (bucket.CountAtLast == count && bucket.CountSinceLast == 0)
                continue;
            bucket.CountAtLast = count;
            bucket.CountSinceLast = 0;
            _store.Touch(bucket);
        }
        if (target.WriteCheckpoint is { } writeCheckpoint && _clientId == _local.ClientId)
        {
            WriteGate.Applied(database, writeCheckpoint);
            result.WriteCheckpoint = writeCheckpoint;
        }
        database.Prepare("UPDATE tg_meta SET value = ? WHERE key = 'published'").Bind(1, (long)target.LastOpId.Value).Run();
    }

    private void NoteSynced(Database database, int? priority, ApplyResult result)
    {
        _streams.NoteSynced(database, priority, _local.Now);
        result.Streams = _streams.Describe(database);
    }

    /// <summary>Everything up to the checkpoint has arrived, so the next request asks for what comes after it.</summary>
    private void AdvancePositions(CheckpointTarget target, int? priority)
    {
        // A bucket without news keeps its older position, which means the same to the service: a checkpoint costs what changed, not what there is.
        foreach (var bucket in _store.Buckets)
        {
            if (bucket.Received <= bucket.Published || bucket.Received >= target.LastOpId || (priority is not null && bucket.Priority > priority))
                continue;
            bucket.Received = target.LastOpId;
            _store.Touch(bucket);
        }
        if (priority is null)
            TellHowFar(target.LastOpId);
    }

    /// <summary>
    /// One bucket at least stands at the checkpoint. A service that crashed replays its newest checkpoints; by this position it knows which of them
    /// were visible here, also when all they did was to take a bucket away.
    /// </summary>
    private void TellHowFar(OpId checkpoint)
    {
        LocalBucket? newest = null;
        foreach (var bucket in _store.Buckets)
        {
            if (newest is null || bucket.Received > newest.Received)
                newest = bucket;
        }
        if (newest is null || newest.Received >= checkpoint)
            return;
        newest.Received = checkpoint;
        _store.Touch(newest);
    }

    private bool DropMismatched(Database database, CheckpointTarget target, int? priority, ApplyResult result)
    {
        List<string>? mismatched = null;
        foreach (var announced in target.Buckets)
        {
            if ((priority is not null && announced.Priority > priority) || announced.Checksum == (_store.Find(announced.Name)?.Checksum ?? 0))
                continue;
            (mismatched ??= []).Add(announced.Name);
        }
        if (mismatched is null)
            return false;

        foreach (var name in mismatched)
        {
            var repeats = database.Prepare(
                "INSERT INTO tg_mismatch(bucket, times) VALUES(?, 1) ON CONFLICT(bucket) DO UPDATE SET times = times + 1 RETURNING times")
                .Bind(1, name).RunInt64()!.Value;
            result.MismatchRepeats = Math.Max(result.MismatchRepeats, repeats);
            if (_store.Find(name) is { } bucket)
                _store.Remove(database, bucket);
        }
        result.Mismatched = mismatched;
        return true;
    }
}
