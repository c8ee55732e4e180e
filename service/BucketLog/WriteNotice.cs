using System.Buffers;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.BucketLog;

/// <summary>What a write to a shared store changed, for those who follow the store from other processes.</summary>
/// <remarks>
/// Names what changed; the operations themselves are in the store. Numbers are as in <see cref="RecordBytes"/>:
/// <code>
/// notice := │ flags u8 │ visible op id, visible position (if flagged) │ replication state (if flagged) │ last op id │
///           │ n │ ( name, last op id, checksum, op count, byte count, superseded )* │ n │ ( key, entry, op id, exists u8, record )* │ n │ ( user key, id )* │ n │ ( name )* │
/// </code>
/// </remarks>
public sealed class WriteNotice
{
    private const int LongestNotice = 16 << 20; // beyond this, loading everything anew is no dearer

    [Flags]
    private enum Flag : byte
    {
        None = 0,
        Visible = 1,
        Replication = 2,
        Everything = 4,
        Revocations = 8,
    }

    /// <summary>Whether everything may have changed, so that the store has to be loaded anew.</summary>
    public bool IsEverything { get; private init; }

    /// <summary>What readers may be told of after the write; null while a snapshot is under way.</summary>
    public Checkpoint? Visible { get; private init; }

    /// <summary>Where replication stands, when the write changed it.</summary>
    public ReplicationState? Replication { get; private init; }

    /// <summary>Whether revocations of tokens changed; they are to be read from the store.</summary>
    public bool AreRevocationsNew { get; private init; }

    /// <summary>Last operation of the write, or <see cref="OpId.None"/>.</summary>
    public OpId LastOpId { get; private init; }

    /// <summary>Buckets that got operations, with their totals after the write.</summary>
    public IReadOnlyList<(string Name, BucketSummary Summary)> Buckets { get; private init; } = [];

    /// <summary>Changes of the parameter index, in their order.</summary>
    public IReadOnlyList<LookupChange> Lookups { get; private init; } = [];

    /// <summary>Write checkpoints reached.</summary>
    public IReadOnlyList<WriteCheckpointMarker> WriteCheckpoints { get; private init; } = [];

    /// <summary>Buckets of which something was rewritten.</summary>
    public IReadOnlyList<string> Rewritten { get; private init; } = [];

    /// <summary>Describes a write.</summary>
    public static byte[] Serialize(StoreWrite write)
    {
        var output = new ArrayBufferWriter<byte>(512);
        if (write.Reset || FindMeta(write.Records, MetaKey.Rules) is not null)
            return Everything(output);
        var replication = FindMeta(write.Records, MetaKey.Replication);
        var flags = (write.Visible is null ? Flag.None : Flag.Visible) | (replication is null ? Flag.None : Flag.Replication)
            | (RevocationRecord.IsAmong(write.Records) ? Flag.Revocations : Flag.None);
        output.WriteByte((byte)flags);
        if (write.Visible is { } visible)
        {
            output.WriteVarint(visible.LastOpId.Value);
            output.WriteVarint(visible.Position.Value);
        }
        if (replication is { } state)
            output.WriteBlob(state.Span);
        var batches = write.Batches.FindAll(batch => !batch.IsPart); // of parts nobody is told: a batch that stands for them all follows
        output.WriteVarint(batches.Count == 0 ? 0 : batches[^1].Checkpoint.LastOpId.Value);
        WriteBuckets(output, batches);
        WriteLookups(output, batches);
        WriteWriteCheckpoints(output, batches);
        output.WriteVarint((ulong)write.Rewrites.Count);
        foreach (var rewrite in write.Rewrites)
            output.WriteText(rewrite.Bucket);
        return output.WrittenCount > LongestNotice ? Everything(output) : output.WrittenSpan.ToArray();
    }

    /// <summary>Reads what <see cref="Serialize"/> wrote.</summary>
    /// <exception cref="BucketsException">It is something else (TGB1201).</exception>
    public static WriteNotice Parse(ReadOnlySpan<byte> bytes)
    {
        var reader = new RecordReader(bytes);
        var flags = (Flag)reader.ReadByte();
        if (flags.HasFlag(Flag.Everything))
            return new WriteNotice { IsEverything = true };
        var visible = flags.HasFlag(Flag.Visible) ? new Checkpoint(new OpId(reader.ReadVarint()), new Lsn(reader.ReadVarint())) : null;
        var replication = flags.HasFlag(Flag.Replication) ? ReplicationState.Parse(reader.ReadBlob()) : null;
        var last = new OpId(reader.ReadVarint());

        var buckets = new (string, BucketSummary)[reader.ReadCount()];
        for (var index = 0; index < buckets.Length; index++)
        {
            buckets[index] = (reader.ReadText(), new BucketSummary(
                new OpId(reader.ReadVarint()), (uint)reader.ReadVarint(), (long)reader.ReadVarint(), (long)reader.ReadVarint(), (long)reader.ReadVarint()));
        }
        var lookups = new LookupChange[reader.ReadCount()];
        for (var index = 0; index < lookups.Length; index++)
        {
            var (key, entry, opId) = (reader.ReadText(), reader.ReadText(), new OpId(reader.ReadVarint()));
            var record = reader.ReadByte() == 0 ? default(ReadOnlyMemory<byte>?) : reader.ReadBlob().ToArray();
            lookups[index] = new LookupChange(key, entry, opId, record);
        }
        var writeCheckpoints = new WriteCheckpointMarker[reader.ReadCount()];
        for (var index = 0; index < writeCheckpoints.Length; index++)
            writeCheckpoints[index] = new WriteCheckpointMarker(reader.ReadText(), reader.ReadVarint());
        var rewritten = new string[reader.ReadCount()];
        for (var index = 0; index < rewritten.Length; index++)
            rewritten[index] = reader.ReadText();
        return new WriteNotice
        {
            Visible = visible,
            Replication = replication,
            AreRevocationsNew = flags.HasFlag(Flag.Revocations),
            LastOpId = last,
            Buckets = buckets,
            Lookups = lookups,
            WriteCheckpoints = writeCheckpoints,
            Rewritten = rewritten,
        };
    }

    private static byte[] Everything(ArrayBufferWriter<byte> output)
    {
        output.ResetWrittenCount();
        output.WriteByte((byte)Flag.Everything);
        return output.WrittenSpan.ToArray();
    }

    private static ReadOnlyMemory<byte>? FindMeta(RecordChanges records, ReadOnlySpan<byte> key)
    {
        for (var index = records.Count - 1; index >= 0; index--)
        {
            if (records.Table(index) == RecordTable.Meta && records.Key(index).SequenceEqual(key))
                return records[index].Value;
        }
        return null;
    }

    private static void WriteBuckets(ArrayBufferWriter<byte> output, List<OpBatch> batches)
    {
        Dictionary<string, BucketSummary> buckets = new(StringComparer.Ordinal);
        foreach (var batch in batches)
        {
            foreach (var change in batch.Buckets)
                buckets[change.Name] = change.Summary;
        }
        output.WriteVarint((ulong)buckets.Count);
        foreach (var (name, summary) in buckets)
        {
            output.WriteText(name);
            output.WriteVarint(summary.LastOpId.Value);
            output.WriteVarint(summary.Checksum);
            output.WriteVarint((ulong)summary.Count);
            output.WriteVarint((ulong)summary.ByteCount);
            output.WriteVarint((ulong)summary.Superseded);
        }
    }

    private static void WriteLookups(ArrayBufferWriter<byte> output, List<OpBatch> batches)
    {
        output.WriteVarint((ulong)batches.Sum(batch => (long)batch.Lookups.Count));
        foreach (var batch in batches)
        {
            foreach (var change in batch.Lookups)
            {
                output.WriteText(change.Key);
                output.WriteText(change.Entry);
                output.WriteVarint(change.OpId.Value);
                output.WriteByte(change.Record is null ? (byte)0 : (byte)1);
                if (change.Record is { } record)
                    output.WriteBlob(record.Span);
            }
        }
    }

    private static void WriteWriteCheckpoints(ArrayBufferWriter<byte> output, List<OpBatch> batches)
    {
        output.WriteVarint((ulong)batches.Sum(batch => (long)batch.WriteCheckpoints.Count));
        foreach (var batch in batches)
        {
            foreach (var marker in batch.WriteCheckpoints)
            {
                output.WriteText(marker.UserKey);
                output.WriteVarint(marker.Id);
            }
        }
    }
}
