using System.Buffers;
using Microsoft.Extensions.Logging;
using TopGun.Buckets.BucketLog.Deploying;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.BucketLog.Writing;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.BucketLog;

// Other rules while the log goes on. From the moment a deployment begins every change is evaluated by the rules in force and by what is new in the
// others; rows that were stored before are given to what is new, some at a time, between the events of the source. Their operations have ids like all
// others but are nobody's until the rules that name their buckets come into force, which is one record and one checkpoint.
public sealed partial class BucketLogWriter
{
    private const int BuildBytes = 1 << 20; // of stored rows, when rows are long
    private const int CursorRows = 1 << 17; // looked at without any operation before the place is stored all the same
    private const int RetireCount = 1024; // buckets or lookup entries at a time

    private readonly Lock _requestGate = new();
    private readonly Queue<(DeployRequest Request, TaskCompletionSource<DeployOutcome> Answer)> _requests = [];
    private readonly ArrayBufferWriter<byte> _scratch = new(64);
    private readonly List<StoredRecord> _chunk = [];
    private byte[] _buildAfter = [];
    private StoredRowScan? _scan;
    private RetiredParts? _retired;
    private long _retireTimestamp;
    private bool _isAsked;
    private DeploymentStatus _status;

    /// <summary>The rules in force and those being built.</summary>
    public LogRules Rules => _rules;

    /// <summary>How far a deployment is.</summary>
    public DeploymentStatus Deployment =>
        Volatile.Read(ref _isAsked) ? Volatile.Read(ref _status) with { Phase = DeploymentPhase.Waiting } : Volatile.Read(ref _status);

    /// <summary>Pulsed when a deployment has something to do.</summary>
    internal Signal Work { get; }

    /// <summary>Brings other rules into force, without anybody losing what they have. May be called by anybody.</summary>
    /// <returns>What came of it, once that is durable. The rest happens by itself, also after a crash.</returns>
    /// <exception cref="BucketsException">The log stopped (TGB1202).</exception>
    public Task<DeployOutcome> DeployAsync(DeployRequest request)
    {
        var answer = new TaskCompletionSource<DeployOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_requestGate)
        {
            _requests.Enqueue((request, answer));
            Volatile.Write(ref _isAsked, true);
        }
        Work.Pulse();
        return answer.Task;
    }

    /// <summary>How long until a deployment has something to do; null while it waits for the source or there is none.</summary>
    internal TimeSpan? WorkDelay
    {
        get
        {
            if (!MayGiveOpIds)
                return null;
            if ((Volatile.Read(ref _isAsked) && CanBegin()) || CanMend())
                return TimeSpan.Zero;
            if (_scan is null && _retired is null)
                return null;
            if (_scan is { } scan)
                return !scan.IsComplete || CanActivate() ? TimeSpan.Zero : null;
            var left = _options.RetireDelay - _environment.Time.GetElapsedTime(_retireTimestamp);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    /// <summary>Does the next piece of a deployment's work. Same caller as <see cref="AppendAsync"/>.</summary>
    internal async ValueTask WorkAsync(CancellationToken cancellationToken)
    {
        ThrowIfStopped();
        if (_environment.Faults is { } faults)
            await faults.PassAsync(FaultPoint.LogWorks);
        await _writer.WaitForRoomAsync(cancellationToken);
        await _turn.WaitAsync(CancellationToken.None);
        try
        {
            ThrowIfStopped();
            _records.Clear();
            if (Volatile.Read(ref _isAsked) && CanBegin())
                await BeginAsync(cancellationToken);
            else if (CanMend())
                await MendAsync(cancellationToken);
            else if (_scan is { IsComplete: false } scan)
                await BuildAsync(scan, cancellationToken);
            else if (_scan is not null && CanActivate())
                await ActivateAsync(cancellationToken);
            else if (_scan is null && _retired is not null)
                await RetireAsync(_retired, cancellationToken);
        }
        catch (Exception failure)
        {
            _failure ??= failure;
            await GiveUpAsync(failure);
            throw;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Nothing is done any more: whoever waits is told.</summary>
    internal void AbandonDeployments(Exception reason)
    {
        lock (_requestGate)
        {
            foreach (var (_, answer) in _requests)
                answer.TrySetException(new LogStoppedException(reason));
            _requests.Clear();
            Volatile.Write(ref _isAsked, false);
        }
    }

    private void ResumeDeployment()
    {
        if (_rules.Building is not null)
            StartBuilding(_buildAfter);
        else
            StartRetiring();
    }

    /// <summary>Everything is read from the source again, by what is being built too; what is left of earlier rules goes with the rest.</summary>
    private async ValueTask RestartDeploymentAsync()
    {
        _rules.ForgetRetired();
        _retired = null;
        _records.Put(RecordTable.Meta, MetaKey.Rules, _rules.Serialize());
        _records.Delete(RecordTable.Meta, MetaKey.Build);
        _records.Delete(RecordTable.Meta, MetaKey.BucketNumbers);
        if (_scan is null)
            return;
        await _scan.DisposeAsync();
        StartBuilding([]);
    }

    private bool CanBegin()
    {
        lock (_requestGate)
        {
            if (!_requests.TryPeek(out var next))
                return false;
            return _position.Position >= next.Request.NotBefore && CanChangeRules();
        }
    }

    private bool CanChangeRules() => _replication is { IsVoid: false } && HasLeftTheUnwanted();

    /// <summary>Whether the source has given up the tables that no rule reads any more. Should one be wanted again, it has to be read again.</summary>
    private bool HasLeftTheUnwanted() =>
        _source.Follow is null || _replication!.Tables.All(table => _rules.Tables.Any(pattern => pattern.Matches(table.Schema, table.Name)));

    /// <summary>Whether every table that the new rules read has been read, and the log shows what it takes in.</summary>
    private bool CanActivate() => Visible() is not null && (_source.Follow is null || _rules.Awaited.All(IsRead));

    private bool IsRead(SyncRules.TablePattern wanted) =>
        _replication!.Tables.Any(table => table.Schema == wanted.Schema && table.Name == wanted.Name && table is { Done: true, IsStaged: false });

    private async ValueTask BeginAsync(CancellationToken cancellationToken)
    {
        (DeployRequest Request, TaskCompletionSource<DeployOutcome> Answer) next;
        lock (_requestGate)
        {
            next = _requests.Dequeue();
            Volatile.Write(ref _isAsked, _requests.Count > 0);
        }
        try
        {
            next.Answer.TrySetResult(await BeginAsync(next.Request, cancellationToken));
        }
        catch (Exception failure)
        {
            next.Answer.TrySetException(new LogStoppedException(failure));
            throw;
        }
    }

    private async ValueTask<DeployOutcome> BeginAsync(DeployRequest request, CancellationToken cancellationToken)
    {
        // What was shown so far is durable first: it will not be evaluated again by other rules than it was.
        await _writer.FlushAsync(cancellationToken);
        _restsOnUnrepeatable = false;
        var tables = _rules.Tables;
        var now = _environment.Time.GetUtcNow();
        var wasBuilding = _rules.Building is not null;
        DeployOutcome outcome;
        if (_rules.IsBackToActive(request))
        {
            _rules.Cancel(request);
            outcome = DeployOutcome.Cancelled;
        }
        else if (_rules.Begin(request, now))
        {
            outcome = wasBuilding ? DeployOutcome.Replaced : DeployOutcome.Begun;
        }
        else
        {
            outcome = DeployOutcome.Unchanged;
        }

        _records.Put(RecordTable.Meta, MetaKey.Rules, _rules.Serialize());
        if (outcome != DeployOutcome.Unchanged)
        {
            _records.Delete(RecordTable.Meta, MetaKey.Build);
            if (_scan is not null)
                await _scan.DisposeAsync();
            _scan = null;
            _evaluator.Changed = null;
            _retired = null;
            _catalog.RulesChanged();
        }
        await StoreAsync(cancellationToken);

        switch (outcome)
        {
            case DeployOutcome.Begun or DeployOutcome.Replaced:
                Log.Begun(_environment.Logger, _rules.Building!.Number);
                StartBuilding([]);
                break;
            case DeployOutcome.Cancelled:
                Log.Cancelled(_environment.Logger, _rules.Active.Number);
                await ReviewSkippedAsync(cancellationToken);
                StartRetiring();
                break;
            default:
                Volatile.Write(ref _status, _status with { Active = _rules.Active, Building = _rules.Building });
                break;
        }
        TellSource(tables);
        return outcome;
    }

    private void StartBuilding(byte[] after)
    {
        var numbers = _catalog.NumbersOf(_rules.Added!);
        var tables = numbers.Select(number => _catalog.Added(number).Table.RelationId).ToHashSet();
        _scan = new StoredRowScan(_storage, numbers, after)
        {
            RowsTotal = _replication?.Tables.Where(table => tables.Contains(table.RelationId)).Sum(table => table.RowCount) ?? 0,
        };
        _evaluator.Changed = _scan.Changed;
        Report(DeploymentPhase.Building);
    }

    /// <summary>Gives some stored rows to what is new.</summary>
    private async ValueTask BuildAsync(StoredRowScan scan, CancellationToken cancellationToken)
    {
        if (scan.HasToStartAgain)
        {
            await _writer.FlushAsync(cancellationToken);
            await scan.StartAgainAsync();
        }
        var number = await scan.ReadAsync(_chunk, _options.BuildRows, BuildBytes, cancellationToken);
        if (_chunk.Count > 0)
        {
            var batch = _evaluator.Extend(_chunk, _catalog.Added(number), _position.Position);
            ReportSkipped();
            if (batch.FirstOpId > OpId.None || scan.RowsSinceStored >= CursorRows)
            {
                _records.Put(RecordTable.Meta, MetaKey.Build, scan.After.Span);
                scan.RowsSinceStored = 0;
                await PublishHiddenAsync(batch, cancellationToken);
            }
        }
        if (scan.IsComplete)
            _evaluator.Changed = null; // nobody asks any more
        Report(scan.IsComplete && !CanActivate() ? DeploymentPhase.Reading : DeploymentPhase.Building);
    }

    /// <summary>What the source cannot replay becomes durable before anybody is told of a checkpoint that holds it; until then it is nobody's.</summary>
    private async ValueTask PublishHiddenAsync(OpBatch batch, CancellationToken cancellationToken)
    {
        var hasOps = batch.FirstOpId > OpId.None;
        _position = _position with { LastOpId = _batch.LastOpId };
        await ReserveAsync(_batch.LastOpId.Value, cancellationToken);
        if (hasOps && _options.Publish == PublishMode.Memory)
            Show(batch, visible: null);
        _window.Add(hasOps ? batch : null, _batch.Buckets, visible: null, _records, _evaluator.Records, _position);
        _restsOnUnrepeatable = true;
        _writer.Notify();
        foreach (var bucket in _batch.Buckets)
            _compactor.Consider(bucket);
    }

    private async ValueTask ActivateAsync(CancellationToken cancellationToken)
    {
        var rows = _scan!.RowsDone;
        var tables = _rules.Tables;
        await _writer.FlushAsync(cancellationToken);
        await _scan.DisposeAsync();
        _scan = null;
        _evaluator.Changed = null;
        _rules.Activate(_environment.Time.GetUtcNow());
        _catalog.RulesChanged();
        _records.Put(RecordTable.Meta, MetaKey.Rules, _rules.Serialize());
        _records.Delete(RecordTable.Meta, MetaKey.Build);
        await ReviewSkippedAsync(cancellationToken);
        await StoreAsync(cancellationToken);
        _restsOnUnrepeatable = false;

        _batch.Start();
        Show(_batch.Build(_position.Position, []), Visible());
        Log.Activated(_environment.Logger, _rules.Active.Number, rows, _position.LastOpId);
        TellSource(tables);
        StartRetiring();
    }

    /// <summary>Rows that were left out may be well by the rules that are in force now.</summary>
    private async ValueTask ReviewSkippedAsync(CancellationToken cancellationToken)
    {
        if (_evaluator.Skipped.OpenCount == 0)
            return;
        await _evaluator.ReviewSkippedAsync(_position.Position, cancellationToken);
        _window.Add(_evaluator.Records);
    }

    private void StartRetiring()
    {
        _retired = _rules.Retired.Count > 0 ? new RetiredParts(_storage, Directory, _rules.Retired) : null;
        _retireTimestamp = _environment.Time.GetTimestamp();
        Report(_rules.Retired.Count > 0 ? DeploymentPhase.Retiring : DeploymentPhase.None);
    }

    /// <summary>Removes some of what nobody has any more.</summary>
    private async ValueTask RetireAsync(RetiredParts retired, CancellationToken cancellationToken)
    {
        if (retired.NextBuckets(RetireCount) is { Count: > 0 } buckets)
        {
            // Totals of a bucket are written with the next write that has operations of it, and must not come after its removal.
            await _writer.FlushAsync(cancellationToken);
            lock (_publishing)
                _subscriber.Drop([.. buckets.Select(bucket => bucket.Name)]);
            _window.Drop(buckets);
            Directory.Drop(buckets);
            ForgetDamage(buckets);
            _scratch.ResetWrittenCount();
            _scratch.WriteVarint((ulong)Directory.NumberCount);
            _records.Put(RecordTable.Meta, MetaKey.BucketNumbers, _scratch.WrittenSpan);
            await StoreAsync(cancellationToken);
        }
        else if (await retired.NextLookupsAsync(RetireCount, cancellationToken) is { Count: > 0 } lookups)
        {
            await PublishHiddenAsync(_evaluator.Forget(lookups, _position.Position), cancellationToken);
        }
        else
        {
            Directory.ForgetDropped();
            _rules.ForgetRetired();
            _records.Put(RecordTable.Meta, MetaKey.Rules, _rules.Serialize());
            await StoreAsync(cancellationToken);
            Log.Retired(_environment.Logger, _rules.Active.Number);
            await retired.DisposeAsync();
            _retired = null;
            Report(DeploymentPhase.None);
        }
    }

    /// <summary>Makes the records gathered durable.</summary>
    private async ValueTask StoreAsync(CancellationToken cancellationToken)
    {
        _window.Add(batch: null, [], visible: null, _records, rows: null, _position);
        await _writer.FlushAsync(cancellationToken);
    }

    private void TellSource(IReadOnlyList<SyncRules.TablePattern> before)
    {
        if (!before.ToHashSet().SetEquals(_rules.Tables))
            _source.Follow?.Invoke(_rules.Tables);
    }

    private DeploymentStatus Describe(DeploymentPhase phase) =>
        new(phase, _rules.Active, _rules.Building, _scan?.RowsDone ?? 0, Math.Max(_scan?.RowsTotal ?? 0, _scan?.RowsDone ?? 0));

    private void Report(DeploymentPhase phase) => Volatile.Write(ref _status, Describe(phase));

    private static partial class Log
    {
        [LoggerMessage(1230, LogLevel.Information, "Rules {Number} are being built beside those in force.")]
        public static partial void Begun(ILogger logger, int number);

        [LoggerMessage(1231, LogLevel.Information, "Rules {Number} stay in force; what was being built beside them is given up.")]
        public static partial void Cancelled(ILogger logger, int number);

        [LoggerMessage(1232, LogLevel.Information, "Rules {Number} are in force from operation {OpId} on; {RowCount} stored rows were given to what is new in them.")]
        public static partial void Activated(ILogger logger, int number, long rowCount, OpId opId);

        [LoggerMessage(1233, LogLevel.Information, "Nothing is left of what only rules before {Number} had.")]
        public static partial void Retired(ILogger logger, int number);
    }
}
