using Microsoft.Extensions.Logging;
using TopGun.Buckets.BucketLog.Compaction;
using TopGun.Buckets.BucketLog.Evaluation;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.BucketLog.Writing;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog;

/// <summary>
/// Turns what the source says into one ordered log of operations: evaluated by the rules, visible from RAM, durable behind, acknowledged last.
/// </summary>
/// <remarks>
/// One caller of <see cref="AppendAsync"/>. After a crash the log goes on from the last durable write, and the same transactions give the same
/// operations with the same ids. What the source cannot replay (rows of a snapshot, rows read again, op-id blocks) is durable before anything
/// that rests on it is visible.
/// </remarks>
public sealed partial class BucketLogWriter : IAsyncDisposable
{
    private readonly IColdStorage _storage;
    private readonly IStoreLease? _lease; // of a store that another process can take over
    private readonly LogRules _rules;
    private readonly IBatchSubscriber _subscriber;
    private readonly LogSource _source;
    private readonly BucketLogOptions _options;
    private readonly BucketLogEnvironment _environment;
    private readonly RefreshRecord _refresh = new();
    private readonly TableCatalog _catalog;
    private readonly BatchBuilder _batch = new();
    private readonly StagedRows _staged;
    private readonly TransactionEvaluator _evaluator;
    private readonly DirtyWindow _window;
    private readonly StoreWriter _writer;
    private readonly Scrubber _scrubber;
    private readonly ReplayGate _replay;
    private readonly Lock _publishing = new();
    private readonly RecordChanges _records = new();

    private ReplicationState? _replication;
    private LogPosition _position = LogPosition.Empty;
    private LogGeneration _generation = new(Guid.Empty, OpId.None);
    private ulong _reservedDurable;
    private bool _isStarted; // the subscriber has been told where the log stands
    private bool _isVisible;
    private bool _isGivenUp; // an earlier process met records that are damaged
    private bool _restsOnUnrepeatable; // something not durable yet cannot be replayed by the source
    private Exception? _failure;

    public BucketLogWriter(
        IColdStorage storage, LogRules rules, IBatchSubscriber subscriber, LogSource source, BucketLogOptions options,
        BucketLogEnvironment environment)
    {
        _lease = storage as IStoreLease;
        _storage = storage = new WatchedStorage(storage, NoteDamage);
        _rules = rules;
        _subscriber = subscriber;
        _source = source;
        _options = options;
        _environment = environment;
        _catalog = new TableCatalog(rules, _refresh);
        _status = Describe(DeploymentPhase.None);
        Work = new Signal(environment.Time);
        _window = new DirtyWindow(environment.Time);
        _writer = new StoreWriter(storage, _window, options, environment, Durable);
        _replay = new ReplayGate(source.AskPosition, Work.Pulse);
        _scrubber = new Scrubber(storage, Directory, options, environment.Time, environment.Logger);
        _compacting = new PendingWork(environment.Time);
        _defragmenter = new Defragmenter(this, storage, options, environment.Time, _compacting, environment.Logger);
        _compactor = new Compactor(this, storage, options, environment.Time, _compacting, _defragmenter.Enter, environment.Logger);
        var staged = new StoredRows(storage, _window, RecordTable.StagedRow);
        _staged = new StagedRows(_catalog, _refresh, staged);
        _evaluator = new TransactionEvaluator(
            _catalog, Directory, _batch, new StoredRows(storage, _window), _staged, source.MissingRows, options)
        {
            Markers = new ReachedMarkers(new StoredRows(storage, _window, RecordTable.WriteCheckpoint), staged),
        };
    }

    /// <summary>Every bucket's name and totals.</summary>
    public BucketDirectory Directory { get; } = new();

    /// <summary>The last operation given out.</summary>
    public OpId LastOpId => Volatile.Read(ref _position).LastOpId;

    /// <summary>Bytes of changes that the store does not have yet.</summary>
    public long WaitingBytes => _window.Measure().ByteCount;

    /// <summary>The last operation that the store has.</summary>
    public OpId DurableOpId
    {
        get
        {
            lock (_publishing)
                return _durable;
        }
    }

    /// <summary>The rows that clients get nothing of, or not all, and those of which that was so.</summary>
    /// <param name="limit">How many to list.</param>
    public SkippedRowList ListSkipped(int limit) => _evaluator.Skipped.List(limit);

    /// <summary>Completes when nothing is written any more; fails when an error of the store was the reason.</summary>
    public Task Completion => _writer.Completion;

    /// <summary>Loads where the log stands, tells the subscriber, and starts writing behind. The store has been opened.</summary>
    /// <returns>Where the source has to go on.</returns>
    /// <exception cref="BucketsException">The store cannot be read, or holds something else (TGB1201).</exception>
    public async ValueTask<LogStart> OpenAsync(CancellationToken cancellationToken)
    {
        var steps = new StepTimes(_environment.Time);
        await LoadMetaAsync(cancellationToken);
        if (_rules.IsNew || _isGivenUp || _generation.Id == Guid.Empty)
            await StartGenerationAsync(cancellationToken);
        else
            await LoadOrGiveUpAsync(cancellationToken);
        steps.End("directory");
        ResumeDeployment();

        Continue(_position);
        _window.Start(_position, Served() ?? Visible());
        _writer.Start();
        if (_refresh.IsSwitching)
            await SwitchAsync(cancellationToken); // a crash came between: nothing may be seen before it is done
        await _writer.FlushAsync(cancellationToken);
        steps.End("rest of the log");
        var visible = Served() ?? Visible();
        _isVisible = visible is not null;
        await _subscriber.StartAsync(_storage, Directory, visible, cancellationToken);
        steps.End("grid");
        _shown = visible?.LastOpId ?? OpId.None;
        _isStarted = true;
        StartBackground();
        steps.End("background");
        Log.Opened(_environment.Logger, _position.LastOpId, _position.Position, Directory.Count, steps.Milliseconds, steps);
        return new LogStart(_replication, _position.Position) { Begun = _position.Begun?.End ?? Lsn.None };
    }

    /// <summary>Takes in the next event of the source. It is visible when this completes, if it may be; it becomes durable behind.</summary>
    /// <exception cref="BucketsException">
    /// The event cannot be taken in; or the log stopped (TGB1202) and has to be opened anew, as it has after any exception from here.
    /// </exception>
    public async ValueTask AppendAsync(SourceEvent sourceEvent, CancellationToken cancellationToken)
    {
        ThrowIfStopped();
        if (_environment.Faults is { } faults)
            await faults.PassAsync(FaultPoint.EventTaken);
        await _writer.WaitForRoomAsync(cancellationToken);
        if (_lease is not null)
            await _lease.EnsureHeldAsync(cancellationToken); // what another process writes now must not be shown from here
        await _turn.WaitAsync(CancellationToken.None);
        try
        {
            ThrowIfStopped(); // what had the turn before may have taken op ids that it could not store
            RequireExpected(sourceEvent);
            _records.Clear();
            if (sourceEvent.State is { } state && state != _replication)
            {
                _replication = state;
                _records.Put(RecordTable.Meta, MetaKey.Replication, state.Serialize());
            }
            await (sourceEvent switch
            {
                TransactionCommitted committed => TakeInAsync(committed.Transaction, cancellationToken),
                PositionReached reached => MoveToAsync(reached.Position, cancellationToken),
                SnapshotRows rows => TakeInAsync(rows, cancellationToken),
                SnapshotStarted started => StartOverAsync(started, cancellationToken),
                SnapshotEnded => EndSnapshotAsync(cancellationToken),
                RefreshStarted started => StartRefreshAsync(started.Tables, cancellationToken),
                RefreshRows rows => TakeInAsync(rows, cancellationToken),
                RefreshEnded ended => EndRefreshAsync(ended, cancellationToken),
                ContinuityLost lost => FreezeAsync(lost, cancellationToken),
                FailedOver => GoOnAfterFailoverAsync(cancellationToken),
                _ => throw new ArgumentException($"An event of type {sourceEvent.GetType().Name} is not known.", nameof(sourceEvent)),
            });
        }
        catch (Exception failure)
        {
            // Totals, numbers and op ids may have moved on without the batch they belong to: only the durable state is certain now.
            _failure ??= failure;
            await GiveUpAsync(failure);
            throw;
        }
        finally
        {
            _turn.Release();
        }
    }

    private void ThrowIfStopped()
    {
        if (_failure is not null)
            throw new LogStoppedException(_failure);
    }

    /// <summary>Waits until everything taken in is durable.</summary>
    public ValueTask FlushAsync(CancellationToken cancellationToken) => _writer.FlushAsync(cancellationToken);

    /// <summary>Makes everything durable that was taken in, and stops.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopBackgroundAsync();
        if (_isStarted && _failure is null && _replay.IsOpen(_position.LastOpId) && _generation.ReservedOpId > _position.LastOpId)
            _window.Reserve(_generation with { ReservedOpId = _position.LastOpId }); // what is reserved beyond was never shown
        await _writer.StopAsync();
    }

    /// <summary>Stops as a crash would: what is not durable is left to be replayed.</summary>
    internal async ValueTask AbandonAsync()
    {
        await StopBackgroundAsync();
        await _writer.DisposeAsync();
    }

    private async ValueTask TakeInAsync(SourceTransaction transaction, CancellationToken cancellationToken)
    {
        _replay.Deliver(transaction.EndPosition);
        if (transaction.EndPosition <= _position.Position)
            return; // stored already: the source may send again what it was not told of
        var received = _environment.Time.GetTimestamp();
        var before = _position.LastOpId;
        using var span = _environment.Metrics?.Begin(transaction, _environment.Time.GetUtcNow());
        _evaluator.Begin(transaction, _position.Begun?.ChangeCount, ReadUpTo());
        var batch = await _evaluator.EvaluateNextAsync(_position.Position, cancellationToken);
        batch.CommitTimeMicroseconds = transaction.CommitTimeMicroseconds;
        ReportSkipped();
        if (batch.IsPart)
            await TakeInPartsAsync(transaction, batch, cancellationToken);
        else
            await TakeInWholeAsync(transaction, batch, cancellationToken);
        _environment.Metrics?.End(span, before, _position.LastOpId, _environment.Time.GetElapsedTime(received));
    }

    private ValueTask TakeInWholeAsync(SourceTransaction transaction, OpBatch batch, CancellationToken cancellationToken)
    {
        if (_evaluator.VisibleFrom > _position.VisibleFrom)
        {
            _position = _position with { VisibleFrom = _evaluator.VisibleFrom };
            _restsOnUnrepeatable = true;
        }
        _position = _position with { LastOpId = _batch.LastOpId, Position = transaction.EndPosition };
        return PublishAsync(batch, _evaluator.Records, cancellationToken);
    }

    private async ValueTask TakeInAsync(SnapshotRows rows, CancellationToken cancellationToken)
    {
        var batch = await _evaluator.EvaluateAsync(
            rows.Table, rows.Rows, FirstOrdinal(rows.State, rows.Table, rows.Rows), _position.Position, cancellationToken);
        ReportSkipped();
        _restsOnUnrepeatable = true;
        _position = _position with { LastOpId = _batch.LastOpId };
        await PublishAsync(batch, _evaluator.Records, cancellationToken);
    }

    private async ValueTask MoveToAsync(Lsn position, CancellationToken cancellationToken)
    {
        _replay.Deliver(position);
        if (position <= _position.Position)
            return;
        _position = _position with { Position = position };
        _batch.Start();
        await PublishAsync(_batch.Build(position, []), rows: null, cancellationToken);
    }

    /// <summary>
    /// What an earlier process has shown and could not store may not be what comes now, which must not get the op ids that were seen. All that this one has
    /// shown is durable before anything of the other server is.
    /// </summary>
    private async ValueTask GoOnAfterFailoverAsync(CancellationToken cancellationToken)
    {
        if (!_replay.IsOpen(_position.LastOpId) && _generation.ReservedOpId > _position.LastOpId)
        {
            Continue(_position with { LastOpId = _generation.ReservedOpId });
            Reserve(_position.LastOpId.Value);
        }
        await PublishNothingAsync(cancellationToken);
        await _writer.FlushAsync(cancellationToken);
    }

    private async ValueTask EndSnapshotAsync(CancellationToken cancellationToken)
    {
        _batch.Start();
        await PublishAsync(_batch.Build(_position.Position, []), rows: null, cancellationToken);
        await _writer.FlushAsync(cancellationToken);
        _restsOnUnrepeatable = false;
    }

    /// <summary>Everything is void. Op ids go on above every one that may have been seen.</summary>
    private async ValueTask StartOverAsync(SnapshotStarted started, CancellationToken cancellationToken)
    {
        Log.SnapshotStarted(_environment.Logger, started.Reason);
        await _writer.FlushAsync(cancellationToken);
        var given = await ReadGivenAsync(cancellationToken);
        lock (_publishing)
        {
            _subscriber.Reset();
            _shown = OpId.None;
        }
        Directory.Clear();
        _compactor.Reset();
        _defragmenter.Reset();
        _catalog.Clear();
        await RestartDeploymentAsync();
        _refresh.Clear();
        _refresh.Write(_records);
        _evaluator.Skipped.MendAll(_records);
        _isVisible = false;
        Continue(PositionAboveAllCopies());
        _window.Reset();
        Reserve(_position.LastOpId.Value);
        var markers = Reached(given, _replication!.Epoch);
        WriteCheckpointRecord.Put(_records, markers);
        _batch.Start();
        await PublishAsync(_batch.Build(_position.Position, markers), rows: null, cancellationToken);
        await _writer.FlushAsync(cancellationToken);
        _restsOnUnrepeatable = false;
    }

    /// <summary>Makes a batch visible, if it may be, and hands it to the store writer.</summary>
    private ValueTask PublishAsync(OpBatch batch, RecordChanges? rows, CancellationToken cancellationToken) =>
        PublishAsync(batch, _batch.Buckets, rows, cancellationToken);

    /// <param name="batch">The batch.</param>
    /// <param name="changed">The buckets that it changes, of which the store is to be told.</param>
    /// <param name="rows">Records of its rows, if any.</param>
    /// <param name="cancellationToken">Gives up waiting for the store.</param>
    private async ValueTask PublishAsync(OpBatch batch, IReadOnlyList<BucketEntry> changed, RecordChanges? rows, CancellationToken cancellationToken)
    {
        var visible = Visible();
        if (visible is not null && _restsOnUnrepeatable)
        {
            await _writer.FlushAsync(cancellationToken);
            _restsOnUnrepeatable = false;
        }
        await ReserveAsync(_batch.LastOpId.Value, cancellationToken);

        var tellsSomething = batch.FirstOpId > OpId.None || batch.WriteCheckpoints.Count > 0 || (visible is not null && !_isVisible);
        if (visible is not null && !_isVisible)
            Log.Visible(_environment.Logger, visible.LastOpId, visible.Position);
        _isVisible = visible is not null;
        if (_environment.Faults is { } before)
            await before.PassAsync(FaultPoint.BeforeShown);
        if (tellsSomething && _options.Publish == PublishMode.Memory)
            Show(batch, visible);
        if (_environment.Faults is { } after)
            await after.PassAsync(FaultPoint.AfterShown);
        _window.Add(tellsSomething ? batch : null, changed, visible, _records, rows, _position);
        _writer.Notify();
        foreach (var bucket in changed)
            _compactor.Consider(bucket);
    }

    private void Continue(LogPosition position)
    {
        _position = position;
        _batch.LastOpId = position.LastOpId;
        _batch.GenerationBase = position.GenerationBase;
        _batch.ShownUpTo = position.ShownUpTo;
    }

    private void Show(OpBatch batch, Checkpoint? visible)
    {
        lock (_publishing)
            Publish(batch, visible);
    }

    private void Publish(OpBatch batch, Checkpoint? visible)
    {
        Directory.Publish(batch);
        if (!_isStarted)
            return;
        _subscriber.Append(batch, visible);
        if (visible is not null)
            _shown = visible.LastOpId;
    }

    /// <summary>Called by the store writer after each write.</summary>
    private void Durable(DirtySet written)
    {
        if (written.Generation is { } generation)
            Volatile.Write(ref _reservedDurable, generation.ReservedOpId.Value);
        lock (_publishing)
        {
            for (var index = 0; _options.Publish == PublishMode.Durable && index < written.Write.Batches.Count; index++)
            {
                if (!written.Write.Batches[index].IsPart)
                    Publish(written.Write.Batches[index], written.Visible[index]);
            }
            _durable = written.Position.LastOpId;
            if (_isStarted)
                _subscriber.Durable(_durable);
        }
        if (written.Position.Position > Lsn.None)
            _source.Acknowledge(written.Position.Position);
    }

    /// <summary>
    /// Whether operations that the source did not ask for may be given op ids: not while those belong to what was shown before a crash and comes again,
    /// nor between the parts of a transaction and the end that shows them.
    /// </summary>
    private bool MayGiveOpIds => _position.ShownUpTo is null && _replay.IsOpen(_position.LastOpId);

    private Checkpoint? Visible() =>
        _refresh.IsFrozen || _refresh.IsSwitching || _refresh.Outdated.Count > 0 || _position.Visible(_replication) is not { } visible
            ? null
            : visible with { Rules = _rules.Active.Number };

    /// <summary>Position up to which rows that are stored may have been read ahead of the stream.</summary>
    private Lsn ReadUpTo()
    {
        var snapshot = _replication?.VisibleFrom ?? Lsn.None;
        var begun = _position.Begun?.VisibleFrom ?? Lsn.None;
        return new Lsn(Math.Max(_position.VisibleFrom.Value, Math.Max(snapshot.Value, begun.Value)));
    }

    private void ReportSkipped()
    {
        if (_evaluator.Skipped is { NotedCount: > 0, FirstNoted: { } first } skipped)
            Log.Skipped(_environment.Logger, SkippedRow.Code, skipped.NotedCount, first.Position, first.Table, first.Bytes, first.Definition, first.Reason);
    }

    /// <summary>Number of a table's rows that were read before these.</summary>
    private static ulong FirstOrdinal(ReplicationState? state, SourceTable table, RowBuffer rows)
    {
        foreach (var progress in state?.Tables ?? [])
        {
            if (progress.RelationId == table.RelationId)
                return (ulong)Math.Max(progress.RowCount - rows.RowCount, 0);
        }
        return 0;
    }

    private static partial class Log
    {
        [LoggerMessage(1201, LogLevel.Information, "The log goes on after operation {OpId} at {Lsn} with {BucketCount} buckets, opened in {Milliseconds} ms ({Steps}).")]
        public static partial void Opened(ILogger logger, OpId opId, Lsn lsn, int bucketCount, long milliseconds, StepTimes steps);

        [LoggerMessage(1202, LogLevel.Information, "A snapshot starts and everything stored is void: {Reason}")]
        public static partial void SnapshotStarted(ILogger logger, string reason);

        [LoggerMessage(1203, LogLevel.Information, "The log is visible from operation {OpId} at {Lsn} on.")]
        public static partial void Visible(ILogger logger, OpId opId, Lsn lsn);

        [LoggerMessage(1204, LogLevel.Warning, "{Code}: {RowCount} rows are left out at {Lsn}, the rest of the transaction is there. The first, of table {Table} with {Bytes} bytes, fails in {Definition}: {Reason} The status API and 'topgun doctor' name each by its key.")]
        public static partial void Skipped(ILogger logger, string code, int rowCount, Lsn lsn, string table, long bytes, string definition, string reason);

        [LoggerMessage(1205, LogLevel.Information, "What the store holds cannot be gone on with; it is filled anew.")]
        public static partial void Unusable(ILogger logger);
    }
}
