using System.Buffers.Binary;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication.PgOutput;

/// <summary>A transaction as its raw messages. One object is filled again for each transaction of a stream.</summary>
internal sealed class BufferedTransaction(RelationCache relations) : SourceTransaction, IDisposable
{
    private static readonly IReadOnlyList<WriteCheckpointMarker> NoMarkers = [];

    private readonly MessageBuffer _messages = new();
    private readonly List<Definition> _definitions = [];
    private readonly BufferedChangeReader _reader = new(relations);
    private List<WriteCheckpointMarker>? _markers;
    private CommitMessage _commit;

    public override Lsn EndPosition => _commit.End;

    public override long CommitTimeMicroseconds => _commit.TimeMicroseconds;

    public override long ByteCount => _messages.ByteCount;

    public override IReadOnlyList<WriteCheckpointMarker> Markers => _markers ?? NoMarkers;

    /// <summary>Whether the begin has been seen and the commit has not.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Whether it holds neither changes of our tables nor markers.</summary>
    public bool IsEmpty => _messages.Count == _definitions.Count && _markers is null;

    /// <summary>Whether it brought a table definition.</summary>
    public bool HasDefinitions => _definitions.Count > 0;

    public override RowChangeReader ReadChanges()
    {
        _reader.Restart(_messages, _definitions, EndPosition);
        return _reader;
    }

    /// <summary>Starts to fill it anew.</summary>
    public void Begin()
    {
        _messages.Clear();
        _definitions.Clear();
        _markers = null;
        IsOpen = true;
    }

    /// <summary>Adds an insert, update, delete or truncate as it came.</summary>
    public void AddChange(ReadOnlySpan<byte> message) => _messages.Append(message);

    /// <summary>Notes that from here on a table has another definition.</summary>
    public void AddDefinition(SourceTable? before, SourceTable table)
    {
        Span<byte> message = stackalloc byte[1 + sizeof(int)];
        message[0] = MessageKind.Relation;
        BinaryPrimitives.WriteInt32BigEndian(message[1..], _definitions.Count);
        _definitions.Add(new Definition(before, table));
        _messages.Append(message);
    }

    public void AddMarkers(IEnumerable<WriteCheckpointMarker> markers) => (_markers ??= []).AddRange(markers);

    public void Commit(CommitMessage commit)
    {
        _commit = commit;
        IsOpen = false;
    }

    /// <summary>Drops what a connection that ended has left half done.</summary>
    public void Abandon()
    {
        Begin();
        IsOpen = false;
    }

    public void Dispose() => _messages.Dispose();

    /// <summary>A change of definition in the middle of the transaction.</summary>
    internal readonly record struct Definition(SourceTable? Before, SourceTable Table);
}
