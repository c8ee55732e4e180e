using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication.PgOutput;

/// <summary>Parses the messages of a transaction one after the other, into the same two rows.</summary>
internal sealed class BufferedChangeReader(RelationCache relations) : RowChangeReader
{
    private readonly SourceRow _new = new();
    private readonly SourceRow _old = new();
    private readonly List<SourceTable> _truncated = [];

    // Definitions that differ from the cache's at this point of the transaction; empty but for transactions around a DDL statement.
    private readonly Dictionary<uint, SourceTable?> _overrides = [];

    private MessageBuffer? _messages;
    private IReadOnlyList<BufferedTransaction.Definition> _definitions = [];
    private MessageBuffer.Cursor _cursor;
    private MessageBuffer.Cursor _marked;
    private KeyValuePair<uint, SourceTable?>[] _markedOverrides = [];
    private Lsn _end; // of the transaction
    private RowChangeKind _kind;
    private int _byteCount;
    private SourceTable? _table;

    public override RowChangeKind Kind => _kind;

    public override int ByteCount => _byteCount;

    public override SourceTable Table => _table ?? throw new InvalidOperationException("A truncate has no single table.");

    public override SourceRow New => _new;

    public override SourceRow Old => _old;

    public override IReadOnlyList<SourceTable> Truncated => _truncated;

    /// <summary>Goes to the first change.</summary>
    public void Restart(MessageBuffer messages, IReadOnlyList<BufferedTransaction.Definition> definitions, Lsn end)
    {
        _end = end;
        _messages = messages;
        _definitions = definitions;
        _cursor = default;
        _table = null;
        _overrides.Clear();
        foreach (var definition in definitions)
            _overrides.TryAdd(definition.Table.RelationId, definition.Before);
        Mark();
    }

    public override void Mark()
    {
        _marked = _cursor;
        _markedOverrides = _overrides.Count == 0 ? [] : [.. _overrides];
    }

    public override void Return()
    {
        _cursor = _marked;
        _table = null;
        _overrides.Clear();
        foreach (var (relationId, table) in _markedOverrides)
            _overrides.Add(relationId, table);
    }

    public override bool Read()
    {
        while (_messages!.TryRead(ref _cursor, out var message))
        {
            if (message.Span[0] == MessageKind.Relation)
            {
                Redefine(message.Span);
                continue;
            }
            try
            {
                Parse(message);
                return true;
            }
            catch (BucketsException failure) when (failure.Code == SourceFailure.Malformed)
            {
                throw SourceFailure.MalformedIn(_end, failure);
            }
        }
        _table = null;
        return false;
    }

    private void Redefine(ReadOnlySpan<byte> message)
    {
        var reader = new MessageReader(message);
        reader.Take(1);
        var table = _definitions[reader.ReadInt32()].Table;
        _overrides[table.RelationId] = table;
        _table = null;
    }

    private void Parse(ReadOnlyMemory<byte> message)
    {
        _byteCount = message.Length;
        var reader = new MessageReader(message.Span);
        var kind = reader.ReadByte();
        if (kind == MessageKind.Truncate)
        {
            ReadTruncate(ref reader);
            return;
        }
        _kind = kind switch
        {
            MessageKind.Insert => RowChangeKind.Insert,
            MessageKind.Update => RowChangeKind.Update,
            _ => RowChangeKind.Delete,
        };
        var relationId = reader.ReadUInt32();
        if (_table?.RelationId != relationId)
            _table = Find(relationId, ref reader);
        _old.Reset(0);
        _new.Reset(0);
        var part = reader.ReadByte();
        if (_kind != RowChangeKind.Insert && part is (byte)'K' or (byte)'O')
        {
            TupleParser.Read(ref reader, message, _table, _old);
            if (part == (byte)'K')
                TupleParser.KeepKey(_table, _old);
            if (_kind == RowChangeKind.Update)
                part = reader.ReadByte();
        }
        if (_kind != RowChangeKind.Delete)
        {
            if (part != (byte)'N')
                reader.Fail("the new row is missing");
            TupleParser.Read(ref reader, message, _table, _new);
            if (_old.Count > 0 && _table.Identity == ReplicaIdentity.Full)
                TupleParser.FillUnchanged(_new, _old);
        }
        else if (_old.Count == 0)
        {
            reader.Fail("the old row is missing");
        }
        if (!reader.AtEnd)
            reader.Fail("it is longer than what it says");
    }

    private void ReadTruncate(ref MessageReader reader)
    {
        _kind = RowChangeKind.Truncate;
        _table = null;
        _truncated.Clear();
        var count = reader.ReadInt32();
        reader.Take(1);
        for (; count > 0; count--)
        {
            // Tables that are not ours are named too when they were truncated by the same statement.
            if (TryFind(reader.ReadUInt32()) is { } table)
                _truncated.Add(table);
        }
    }

    private SourceTable Find(uint relationId, ref MessageReader reader)
    {
        if (TryFind(relationId) is { } table)
            return table;
        reader.Fail("the table's definition was not sent before");
        return null;
    }

    private SourceTable? TryFind(uint relationId) =>
        _overrides.Count > 0 && _overrides.TryGetValue(relationId, out var table) ? table : relations.Find(relationId);
}
