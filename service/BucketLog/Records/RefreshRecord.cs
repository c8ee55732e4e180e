using System.Buffers;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.BucketLog.Records;

/// <summary>A table that is being read again.</summary>
/// <param name="relationId">Postgres' oid of it.</param>
/// <param name="number">The number of its rows, staged and then live.</param>
/// <param name="isLive">Whether its changes can be taken in by the live rows meanwhile: the same table, under the same name and key.</param>
internal sealed class TableStage(uint relationId, int number, bool isLive)
{
    public uint RelationId => relationId;

    public int Number => number;

    public bool IsLive => isLive;

    /// <summary>Staged rows that another attempt left do not count.</summary>
    public int Attempt { get; set; }

    /// <summary>The definition under which its reading began; 0 when no rule uses the table.</summary>
    public int Layout { get; set; }
}

/// <summary>What is known of tables that are being read again, or were. Stored with every event that changes it.</summary>
/// <remarks>
/// <code>
/// record := │ flags │ last attempt │ n │ stage* │ n │ leaving* │ n │ (number, layout)* │ n │ (oid, number)* │ n │ switching* │ n │ read* │ length │ done │ served
///           │ n │ outdated* │
/// stage  := │ oid │ number │ is live │ attempt │ layout │             everything varints
/// </code>
/// </remarks>
internal sealed class RefreshRecord
{
    private const int FrozenFlag = 1;
    private const int ServedFlag = 2;
    private const int SwitchingFlag = 4;

    /// <summary>Tables that are being read, in the order in which they were begun.</summary>
    public List<TableStage> Stages { get; } = [];

    /// <summary>Numbers of tables whose rows leave when those that are being read take their places.</summary>
    public List<int> Leaving { get; } = [];

    /// <summary>The definition by whose key the live rows of a number are told apart, where it is not the first of that number.</summary>
    public Dictionary<int, int> LiveLayouts { get; } = [];

    /// <summary>The number of a table's live rows, where it is not that of its first definition.</summary>
    public Dictionary<uint, int> LiveNumbers { get; } = [];

    /// <summary>Numbers whose rows are being replaced, in ascending order.</summary>
    public List<int> Switching { get; } = [];

    /// <summary>The tables whose staged rows replace them.</summary>
    public List<uint> Read { get; } = [];

    /// <summary>
    /// Tables whose live rows could not take in a change, because it tells rows apart in another way. Nothing new is visible before they have been read.
    /// </summary>
    public List<uint> Outdated { get; } = [];

    /// <summary>Key up to which rows have been replaced.</summary>
    public byte[] Done { get; set; } = [];

    public int LastAttempt { get; set; }

    /// <summary>Continuity with the source was lost: no change is taken in by the live rows until all tables have been read.</summary>
    public bool IsFrozen { get; set; }

    /// <summary>The position of the checkpoint that is served meanwhile; null when there is none.</summary>
    public ulong? Served { get; set; }

    public bool HasStages => Stages.Count > 0;

    /// <summary>Whether rows are being replaced right now: nothing is visible before all are.</summary>
    public bool IsSwitching { get; set; }

    /// <summary>What another process may show of a store that stands at this position.</summary>
    public Checkpoint? VisibleAt(LogPosition position, ReplicationState? replication)
    {
        if (IsSwitching)
            return null;
        if (IsFrozen && Served is { } served)
            return new Checkpoint(position.LastShown, new Lsn(served));
        return IsFrozen || Outdated.Count > 0 ? null : position.Visible(replication);
    }

    public TableStage? Find(uint relationId) => Stages.Find(stage => stage.RelationId == relationId);

    public void Clear()
    {
        Stages.Clear();
        Leaving.Clear();
        LiveLayouts.Clear();
        LiveNumbers.Clear();
        Switching.Clear();
        Read.Clear();
        Outdated.Clear();
        Done = [];
        IsSwitching = false;
        IsFrozen = false;
        Served = null;
    }

    public void Write(RecordChanges records)
    {
        var output = new ArrayBufferWriter<byte>(256);
        output.WriteByte((byte)((IsFrozen ? FrozenFlag : 0) | (Served is null ? 0 : ServedFlag) | (IsSwitching ? SwitchingFlag : 0)));
        output.WriteVarint((ulong)LastAttempt);
        output.WriteVarint((ulong)Stages.Count);
        foreach (var stage in Stages)
        {
            output.WriteVarint(stage.RelationId);
            output.WriteVarint((ulong)stage.Number);
            output.WriteByte(stage.IsLive ? (byte)1 : (byte)0);
            output.WriteVarint((ulong)stage.Attempt);
            output.WriteVarint((ulong)stage.Layout);
        }
        WriteNumbers(output, Leaving);
        output.WriteVarint((ulong)LiveLayouts.Count);
        foreach (var (number, layout) in LiveLayouts.OrderBy(pair => pair.Key))
        {
            output.WriteVarint((ulong)number);
            output.WriteVarint((ulong)layout);
        }
        output.WriteVarint((ulong)LiveNumbers.Count);
        foreach (var (relationId, number) in LiveNumbers.OrderBy(pair => pair.Key))
        {
            output.WriteVarint(relationId);
            output.WriteVarint((ulong)number);
        }
        WriteNumbers(output, Switching);
        WriteOids(output, Read);
        output.WriteBlob(Done);
        output.WriteVarint(Served ?? 0);
        WriteOids(output, Outdated);
        records.Put(RecordTable.Meta, MetaKey.Refresh, output.WrittenSpan);
    }

    public void Load(ReadOnlySpan<byte> value)
    {
        Clear();
        var reader = new RecordReader(value);
        var flags = reader.ReadByte();
        LastAttempt = reader.ReadCount();
        for (var left = reader.ReadCount(); left > 0; left--)
        {
            Stages.Add(new TableStage((uint)reader.ReadVarint(), reader.ReadCount(), reader.ReadByte() != 0)
            {
                Attempt = reader.ReadCount(),
                Layout = reader.ReadCount(),
            });
        }
        ReadNumbers(ref reader, Leaving);
        for (var left = reader.ReadCount(); left > 0; left--)
            LiveLayouts.Add(reader.ReadCount(), reader.ReadCount());
        for (var left = reader.ReadCount(); left > 0; left--)
            LiveNumbers.Add((uint)reader.ReadVarint(), reader.ReadCount());
        ReadNumbers(ref reader, Switching);
        ReadOids(ref reader, Read);
        Done = reader.ReadBlob().ToArray();
        var served = reader.ReadVarint();
        ReadOids(ref reader, Outdated);
        IsFrozen = (flags & FrozenFlag) != 0;
        IsSwitching = (flags & SwitchingFlag) != 0;
        Served = (flags & ServedFlag) != 0 ? served : null;
    }

    private static void WriteNumbers(ArrayBufferWriter<byte> output, List<int> numbers)
    {
        output.WriteVarint((ulong)numbers.Count);
        foreach (var number in numbers)
            output.WriteVarint((ulong)number);
    }

    private static void WriteOids(ArrayBufferWriter<byte> output, List<uint> oids)
    {
        output.WriteVarint((ulong)oids.Count);
        foreach (var oid in oids)
            output.WriteVarint(oid);
    }

    private static void ReadOids(ref RecordReader reader, List<uint> oids)
    {
        for (var left = reader.ReadCount(); left > 0; left--)
            oids.Add((uint)reader.ReadVarint());
    }

    private static void ReadNumbers(ref RecordReader reader, List<int> numbers)
    {
        for (var left = reader.ReadCount(); left > 0; left--)
            numbers.Add(reader.ReadCount());
    }
}
