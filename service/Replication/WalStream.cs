using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication.PgOutput;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>
/// Turns the messages of one walsender connection into events: whole transactions, positions between them, and what is found out beside the stream.
/// </summary>
internal sealed partial class WalStream : IDisposable
{
    // Every position is stored, which costs more than a keepalive is worth; write checkpoints do not wait for these.
    private static readonly TimeSpan PositionInterval = TimeSpan.FromSeconds(1);

    private readonly ISource _source;
    private readonly ChangeSourceOptions _options;
    private readonly ReplicationProgress _progress;
    private readonly AcknowledgedPosition _acknowledged;
    private readonly ReplicationMonitor _monitor;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ReadOnlyMemory<byte> _prefix = System.Text.Encoding.UTF8.GetBytes(MarkerMessage.Prefix);
    private readonly ReadOnlyMemory<byte> _definitionPrefix = System.Text.Encoding.UTF8.GetBytes(MarkerMessage.DefinitionPrefix);
    private readonly RelationCache _relations;
    private readonly BufferedTransaction _transaction;
    private readonly HashSet<uint> _defined = []; // tables with described types whose definition has come through this connection
    private readonly Errands _errands;
    private readonly SourceWatch _watch;
    private readonly RefreshReader _reader;
    private long _positionSent;
    private bool _isSlotOurs; // seen to be the one that leads on from what is stored, since it is being read
    private bool _passedMarker;
    private bool _isKnown; // the transaction being received was delivered through an earlier connection
    private volatile Exception? _interruption; // why the stream has to end although nothing is wrong with it

    public WalStream(
        ISource source,
        ChangeSourceOptions options,
        ReplicationProgress progress,
        AcknowledgedPosition acknowledged,
        ReplicationMonitor monitor,
        TimeProvider time,
        Random random,
        ILogger logger)
    {
        _source = source;
        _options = options;
        _progress = progress;
        _acknowledged = acknowledged;
        _monitor = monitor;
        _time = time;
        _logger = logger;
        _relations = progress.Relations;
        _transaction = new BufferedTransaction(progress.Relations);
        _positionSent = time.GetTimestamp();
        _errands = new Errands(progress, first: (ulong)random.NextInt64());
        _watch = new SourceWatch(options, progress, time, logger);
        _reader = new RefreshReader(source, options, progress, _watch, _errands, monitor.Delivered, time, logger);
    }

    public async IAsyncEnumerable<SourceEvent> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await using var link = await _source.OpenReplicationAsync(cancellationToken);
        if (_options.EnsureWriter is not null)
            await link.NameReaderAsync(_progress.ReaderName, cancellationToken);
        await link.StartAsync(_progress.Started.Slot, _options.Publication, cancellationToken);
        _monitor.Lag.Start(_progress.Position);
        _monitor.Enter(ReplicationPhase.Streaming);
        var keeping = WorkAsync(Keeper(link, Interrupt).RunAsync(ending.Token));
        var refreshing = WorkAsync(_reader.RunAsync(ending.Token));
        try
        {
            await LookAsync(cancellationToken);
            if (_progress.IsRefreshRead)
                yield return _progress.EndRefresh(); // the last part was taken in, and then something came between
            while (true)
            {
                var message = await ReadAsync(link, reading.Token);
                if (!_isSlotOurs)
                    await RequireSameSlotAsync(cancellationToken);
                SourceEvent? change;
                try
                {
                    if (message.Data.Length > 0 && message.Data.Span[0] == MessageKind.Relation)
                    {
                        await DefineAsync(message.Data, cancellationToken);
                        continue;
                    }
                    change = Take(message);
                }
                catch (BucketsException failure) when (failure.Code == SourceFailure.Malformed)
                {
                    throw SourceFailure.MalformedAt(message.Start, _progress.Started.Slot, failure);
                }
                if (_transaction.IsOpen)
                    continue;
                if (_wantsLook)
                {
                    await LookAsync(cancellationToken);
                    if (change is TransactionCommitted committed)
                        change = committed with { State = _progress.State };
                }
                if (change is not null)
                    yield return change;
                while (_arrived.TryDequeue(out var errand))
                {
                    foreach (var found in See(errand))
                        yield return found;
                    errand.Complete();
                }
            }
        }
        finally
        {
            ending.Cancel(); // in this thread: CancelAsync would run what hangs on it on another
            await keeping;
            await refreshing;
        }

        // A defect beside the stream ends the stream: nothing may go on as if somebody did the work.
        async Task WorkAsync(Task work)
        {
            try
            {
                await work;
            }
            catch (Exception failure)
            {
                Interrupt(failure);
            }
        }

        void Interrupt(Exception failure)
        {
            _interruption = failure;
            reading.Cancel();
        }
    }

    public void Dispose() => _transaction.Dispose();

    /// <summary>
    /// Between the first look at the slot and its start somebody may have made it anew, past what is stored. Once something has come through it, it is ours
    /// and stays what it is.
    /// </summary>
    private async ValueTask RequireSameSlotAsync(CancellationToken cancellationToken)
    {
        await using var session = await _source.OpenSessionAsync(cancellationToken);
        var slot = await session.FindSlotAsync(_progress.Started.Slot, cancellationToken);
        if (Handshake.FindSlotBreak(_progress.Started, _progress.Position, slot) is { } reason)
        {
            _progress.BrokenBecause = reason;
            throw SourceFailure.Gap(reason);
        }
        _isSlotOurs = true;
    }

    private SlotKeeper Keeper(IReplicationLink link, Action<BucketsException> interrupt)
    {
        var meter = new SlotMeter(_options, _monitor, _time, _logger);
        var guard = new SlotGuard(_options, _progress, meter, _time, _logger);
        return new SlotKeeper(
            new AcknowledgementSender(_source, link, _progress, _acknowledged, _time, _logger),
            new IdleMarker(_source, _options, _progress, _time, _logger),
            new SourcePatrol(_source, guard, _watch, _errands),
            interrupt,
            _time,
            _logger);
    }

    private ValueTask<WalMessage> ReadAsync(IReplicationLink link, CancellationToken cancellationToken)
    {
        if (_interruption is not null)
            throw _interruption;
        var read = link.ReadAsync(cancellationToken);
        return read.IsCompletedSuccessfully ? read : AwaitAsync(read);
    }

    private async ValueTask<WalMessage> AwaitAsync(ValueTask<WalMessage> read)
    {
        try
        {
            return await read;
        }
        catch (OperationCanceledException) when (_interruption is not null)
        {
            throw _interruption;
        }
    }

    /// <summary>Takes in one message.</summary>
    /// <returns>What there is to tell, mostly nothing.</returns>
    private SourceEvent? Take(in WalMessage message)
    {
        if (message.IsKeepalive)
            return _transaction.IsOpen ? null : Reach(message.Start);
        var data = message.Data.Span;
        switch (data[0])
        {
            case MessageKind.Begin:
                Begin(BeginMessage.Parse(data));
                return null;
            case MessageKind.Insert or MessageKind.Update or MessageKind.Delete:
                RequireTransaction(data);
                if (_relations.Find(RelationIdOf(data)) is not null)
                    _transaction.AddChange(data);
                return null;
            case MessageKind.Truncate:
                RequireTransaction(data);
                if (TruncatesOurs(data))
                    _transaction.AddChange(data);
                return null;
            case MessageKind.Message:
                TakeMarkers(data);
                return null;
            case MessageKind.Commit:
                RequireTransaction(data);
                _transaction.Commit(CommitMessage.Parse(data));
                return Deliver();
            case MessageKind.Type or MessageKind.Origin:
                return null;
            default:
                throw SourceFailure.MalformedMessage($"it is of unknown kind {data[0]}");
        }
    }

    private void Begin(BeginMessage begin)
    {
        _transaction.Begin();
        _monitor.Lag.Hear(begin.CommitRecord);
        _isKnown = begin.CommitRecord < _progress.Position;
        _truncated.Clear();
        if (!_isKnown)
            _monitor.Delivered.Add(begin.TransactionId);
    }

    private SourceEvent? Deliver()
    {
        var end = _transaction.EndPosition;
        if (end <= _progress.Position)
            return null; // sent again after a reconnect
        if (_transaction.IsEmpty && !_transaction.HasDefinitions)
            return Reach(end);
        _progress.Position = end;
        _monitor.Lag.Reach(end, _transaction.CommitTimeMicroseconds);
        return new TransactionCommitted(_progress.TakeNews(always: Restart() || _transaction.HasDefinitions), _transaction);
    }

    /// <summary>Tells a position that brought nothing, unless one was told a moment ago and nobody waits for this one.</summary>
    private PositionReached? Reach(Lsn position)
    {
        _monitor.Lag.Reach(position);
        if (position <= _progress.Position)
            return null;
        var visibleFrom = _progress.Started.VisibleFrom;
        var somebodyWaits = _passedMarker || (_progress.Position < visibleFrom && position >= visibleFrom);
        if (!somebodyWaits && _time.GetElapsedTime(_positionSent) < PositionInterval)
            return null;
        _positionSent = _time.GetTimestamp();
        _passedMarker = false;
        _progress.Position = position;
        return new PositionReached(position) { State = _progress.TakeNews() };
    }

    private void TakeMarkers(ReadOnlySpan<byte> data)
    {
        var message = LogicalMessage.Parse(data);
        if (!message.IsTransactional)
            return;
        if (message.Prefix.SequenceEqual(_definitionPrefix.Span))
            NoteDefinition();
        if (!message.Prefix.SequenceEqual(_prefix.Span))
            return;
        RequireTransaction(data);
        var tag = _progress.Started.MarkerTag;
        if (MarkerMessage.TryReadErrand(message.Content, tag) is { } number)
        {
            _passedMarker = true;
            if (_errands.Take(number) is { } errand)
                _arrived.Enqueue(errand);
            return;
        }
        if (MarkerMessage.TryRead(message.Content, tag) is not { } markers)
            return;
        _passedMarker = true;
        if (markers.Count > 0)
            _transaction.AddMarkers(markers);
    }

    /// <summary>Takes in a table definition: the next changes of that table have this shape.</summary>
    private async ValueTask DefineAsync(ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        RequireTransaction(message.Span);
        var table = RelationMessage.Parse(message.Span);
        if (_progress.Find(table.RelationId) is not { } known)
        {
            _waiting[table.RelationId] = table;
            _wantsLook |= !_isKnown && _progress.Wishes.Uses(table.Schema, table.Name);
            return;
        }
        table = await CompleteAsync(table, cancellationToken);
        if (!_isKnown && ReplicationProgress.FindBreak(table, known) is { } reason)
        {
            _progress.Break(known.RelationId, reason, _time.GetUtcNow());
            _wantsLook = true;
        }
        var before = _relations.Find(table.RelationId);
        var learned = _relations.Learn(table);
        if (!ReferenceEquals(before, learned))
            _transaction.AddDefinition(before, learned);
    }

    /// <summary>Adds what the stream does not say: the key of a table whose stream marks all columns, and how its columns' types are built.</summary>
    private async ValueTask<SourceTable> CompleteAsync(SourceTable table, CancellationToken cancellationToken)
    {
        var types = TypeDescriptions.NeededFor(table);
        var before = _relations.Find(table.RelationId);
        var isKeyKnown = table.Identity != ReplicaIdentity.Full || (before is { Identity: ReplicaIdentity.Full } && HaveSameNames(before, table));
        // The catalogue was read when we connected. Later on each definition is a sign that something changed, perhaps a type.
        var areTypesKnown = types.Count == 0 || (_defined.Add(table.RelationId) && before is not null && HaveSameTypes(before, table));
        if (isKeyKnown && areTypesKnown)
            return Take(table, before, table.Identity == ReplicaIdentity.Full);

        await using var session = await _source.OpenSessionAsync(cancellationToken);
        if (!isKeyKnown)
        {
            var found = await session.FindTablesAsync([new TablePattern(table.Schema, table.Name)], cancellationToken);
            before = found.FirstOrDefault(one => one.Table.RelationId == table.RelationId)?.Table;
        }
        table = Take(table, before, table.Identity == ReplicaIdentity.Full);
        return TypeDescriptions.Describe(table, await session.FindTypesAsync(types, cancellationToken));
    }

    private static bool HaveSameNames(SourceTable one, SourceTable other) =>
        one.Columns.Select(column => column.Name).SequenceEqual(other.Columns.Select(column => column.Name));

    private static bool HaveSameTypes(SourceTable one, SourceTable other) =>
        HaveSameNames(one, other) && one.Columns.Select(column => column.TypeId).SequenceEqual(other.Columns.Select(column => column.TypeId));

    /// <summary>Takes over what is known of the columns from another definition of the table.</summary>
    private static SourceTable Take(SourceTable table, SourceTable? known, bool withKey) => known is null ? table : table with
    {
        Columns = [.. table.Columns.Select(column => known.IndexOf(column.Name) is >= 0 and var index
            ? column with
            {
                IsKey = withKey ? known.Columns[index].IsKey : column.IsKey,
                Type = known.Columns[index].TypeId == column.TypeId ? known.Columns[index].Type : null,
            }
            : column with { IsKey = !withKey && column.IsKey })],
    };

    private bool TruncatesOurs(ReadOnlySpan<byte> data)
    {
        var reader = new MessageReader(data);
        reader.Take(1);
        var count = reader.ReadInt32();
        reader.Take(1);
        var isOurs = false;
        for (; count > 0; count--)
        {
            var relationId = reader.ReadUInt32();
            if (_relations.Find(relationId) is null)
                continue;
            _truncated.Add(relationId);
            isOurs = true;
        }
        return isOurs;
    }

    private static uint RelationIdOf(ReadOnlySpan<byte> data)
    {
        if (data.Length < 1 + sizeof(uint))
            throw SourceFailure.MalformedMessage("a change does not name its table");
        return BinaryPrimitives.ReadUInt32BigEndian(data[1..]);
    }

    private void RequireTransaction(ReadOnlySpan<byte> data)
    {
        if (!_transaction.IsOpen)
            throw SourceFailure.MalformedMessage($"'{(char)data[0]}' came outside a transaction");
    }
}
