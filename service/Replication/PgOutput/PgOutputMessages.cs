using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication.PgOutput;

// https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html, protocol version 1:
//
// Begin      'B' Int64 LSN of the commit record, Int64 commit time (µs since 2000-01-01), Int32 xid
// Commit     'C' Int8 flags, Int64 LSN of the commit record, Int64 end LSN, Int64 commit time
// Relation   'R' Int32 oid, String schema (empty: pg_catalog), String name, Int8 identity, Int16 n, n × (Int8 flags (1: key), String name, Int32 type, Int32 typmod)
// Insert     'I' Int32 oid, 'N' tuple
// Update     'U' Int32 oid, ['K' or 'O' tuple], 'N' tuple
// Delete     'D' Int32 oid, 'K' or 'O' tuple
// Truncate   'T' Int32 n, Int8 options, n × Int32 oid
// Message    'M' Int8 flags (1: transactional), Int64 LSN, String prefix, Int32 length, bytes
// Type 'Y' and Origin 'O' say nothing we need.

/// <summary>First byte of a pgoutput message.</summary>
internal static class MessageKind
{
    public const byte Begin = (byte)'B';
    public const byte Commit = (byte)'C';
    public const byte Relation = (byte)'R';
    public const byte Type = (byte)'Y';
    public const byte Origin = (byte)'O';
    public const byte Insert = (byte)'I';
    public const byte Update = (byte)'U';
    public const byte Delete = (byte)'D';
    public const byte Truncate = (byte)'T';
    public const byte Message = (byte)'M';
}

/// <summary>The begin of a transaction.</summary>
internal readonly record struct BeginMessage(Lsn CommitRecord, uint TransactionId)
{
    public static BeginMessage Parse(ReadOnlySpan<byte> message)
    {
        var reader = new MessageReader(message);
        reader.Take(1);
        var commit = reader.ReadLsn();
        reader.Take(8);
        return new BeginMessage(commit, reader.ReadUInt32());
    }
}

/// <summary>The end of a transaction.</summary>
internal readonly record struct CommitMessage(Lsn End, long TimeMicroseconds)
{
    public static CommitMessage Parse(ReadOnlySpan<byte> message)
    {
        var reader = new MessageReader(message);
        reader.Take(1 + 1 + 8);
        return new CommitMessage(reader.ReadLsn(), reader.ReadInt64());
    }
}

/// <summary>A table definition as the stream sends it.</summary>
internal static class RelationMessage
{
    /// <summary>Reads the definition. Under identity full the stream marks every column as key; the catalogue knows better.</summary>
    public static SourceTable Parse(ReadOnlySpan<byte> message)
    {
        var reader = new MessageReader(message);
        reader.Take(1);
        var oid = reader.ReadUInt32();
        var schema = reader.ReadString();
        var name = reader.ReadString();
        var identity = IdentityOf(ref reader);
        var columns = new SourceColumn[reader.ReadUInt16()];
        for (var index = 0; index < columns.Length; index++)
        {
            var isKey = (reader.ReadByte() & 1) != 0;
            columns[index] = new SourceColumn(reader.ReadString(), reader.ReadUInt32(), reader.ReadInt32(), isKey);
        }
        return new SourceTable(oid, schema.Length == 0 ? "pg_catalog" : schema, name, columns, identity);
    }

    private static ReplicaIdentity IdentityOf(ref MessageReader reader)
    {
        switch (reader.ReadByte())
        {
            case (byte)'d': return ReplicaIdentity.Default;
            case (byte)'n': return ReplicaIdentity.Nothing;
            case (byte)'f': return ReplicaIdentity.Full;
            case (byte)'i': return ReplicaIdentity.Index;
            default:
                reader.Fail("the replica identity is unknown");
                return default;
        }
    }
}

/// <summary>A logical message that somebody wrote into the WAL.</summary>
internal readonly ref struct LogicalMessage
{
    public bool IsTransactional { get; private init; }

    public ReadOnlySpan<byte> Prefix { get; private init; }

    public ReadOnlySpan<byte> Content { get; private init; }

    public static LogicalMessage Parse(ReadOnlySpan<byte> message)
    {
        var reader = new MessageReader(message);
        reader.Take(1);
        var isTransactional = (reader.ReadByte() & 1) != 0;
        reader.Take(8);
        return new LogicalMessage
        {
            IsTransactional = isTransactional,
            Prefix = reader.ReadStringBytes(),
            Content = reader.ReadBlock(),
        };
    }
}
