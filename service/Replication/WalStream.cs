using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication.PgOutput;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>Turns the messages of one walsender connection into events: whole transactions, and positions between them.</summary>
internal sealed class WalStream(
    ISource source,
    ChangeSourceOptions options,
    ReplicationProgress progress,
    WantedTables wanted,
    AcknowledgedPosition acknowledged,
    ReplicationMonitor monitor,
    TimeProvider time,
    ILogger logger) : IDisposable
{
    // Every position is stored, which costs more than a keepalive is worth; write checkpoints do not wait for these.
    private static readonly TimeSpan PositionInterval = TimeSpan.FromSeconds(1);

    private readonly ReadOnlyMemory<byte> _prefix = System.Text.Encoding.UTF8.GetBytes(MarkerMessage.Prefix);
    private readonly RelationCache _relations = progress.Relations;
    private readonly BufferedTransaction _transaction = new(progress.Relations);
    private readonly HashSet<uint> _defined = []; // tables with described types whose definition has come through this connection
    private long _positionSent = time.GetTimestamp();
    private bool _passedMarker;
    private volatile bool _needsSnapshot;
    private volatile string? _interruption; // why the stream has to end although nothing is wrong with it

    /// <summary>Ends without failure when a table appeared that has to be read first, or other tables are wanted.</summary>
    public async IAsyncEnumerable<SourceEvent> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await using var link = await source.OpenReplicationAsync(cancellationToken);
        await link.StartAsync(progress.Started.Slot, options.Publication, cancellationToken);
        monitor.Enter(ReplicationPhase.Streaming);
        wanted.Watch(() => Interrupt(null));
        var keeper = new SlotKeeper(source, link, options, progress, acknowledged, Interrupt, time, logger).RunAsync(ending.Token);
        try
        {
            while (!_needsSnapshot)
            {
                var message = await ReadAsync(link, reading.Token);
                if (message.Data.Length > 0 && message.Data.Span[0] == MessageKind.Relation)
                    await DefineAsync(message.Data, cancellationToken);
                else if (Take(message) is { } change)
                    yield return change;
            }
        }
        finally
        {
            wanted.Unwatch();
            ending.Cancel(); // in this thread: CancelAsync would run what hangs on it on another
            await keeper;
        }

        void Interrupt(string? reason)
        {
            if (reason is null)
                _needsSnapshot = true;
            else
                _interruption = reason;
            reading.Cancel();
        }
    }

    public void Dispose() => _transaction.Dispose();

    private ValueTask<WalMessage> ReadAsync(IReplicationLink link, CancellationToken cancellationToken)
    {
        if (_interruption is not null)
            throw SourceFailure.Gap(_interruption);
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
            throw SourceFailure.Gap(_interruption);
        }
        catch (OperationCanceledException) when (_needsSnapshot)
        {
            return default; // as a keepalive that says nothing
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
                _transaction.Begin();
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

    private SourceEvent? Deliver()
    {
        var end = _transaction.EndPosition;
        if (end <= progress.Position)
            return null; // sent again after a reconnect
        if (_transaction.IsEmpty && !_transaction.HasDefinitions)
            return Reach(end);
        progress.Position = end;
        return new TransactionCommitted(_transaction.HasDefinitions ? progress.State : null, _transaction);
    }

    /// <summary>Tells a position that brought nothing, unless one was told a moment ago and nobody waits for this one.</summary>
    private PositionReached? Reach(Lsn position)
    {
        if (position <= progress.Position)
            return null;
        var visibleFrom = progress.Started.VisibleFrom;
        var somebodyWaits = _passedMarker || (progress.Position < visibleFrom && position >= visibleFrom);
        if (!somebodyWaits && time.GetElapsedTime(_positionSent) < PositionInterval)
            return null;
        _positionSent = time.GetTimestamp();
        _passedMarker = false;
        progress.Position = position;
        return new PositionReached(position);
    }

    private void TakeMarkers(ReadOnlySpan<byte> data)
    {
        var message = LogicalMessage.Parse(data);
        if (!message.IsTransactional || !message.Prefix.SequenceEqual(_prefix.Span))
            return;
        RequireTransaction(data);
        if (MarkerMessage.TryRead(message.Content, progress.Started.MarkerTag) is not { } markers)
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
        var known = progress.Find(table.RelationId);
        if (known is null && !options.Uses(table.Schema, table.Name))
            return;
        table = await CompleteAsync(table, cancellationToken);
        if (progress.FindBreak(table) is { } reason)
            throw SourceFailure.Gap(reason);
        if (known is null)
        {
            progress.Add([table]);
            _needsSnapshot = true;
            return;
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

        await using var session = await source.OpenSessionAsync(cancellationToken);
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
        for (; count > 0; count--)
        {
            if (_relations.Find(reader.ReadUInt32()) is not null)
                return true;
        }
        return false;
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
