using System.Buffers.Binary;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Postgres;

/// <summary>Operations of one bucket that lie in one row of <c>topgun_ops</c>.</summary>
/// <remarks>
/// Little-endian:
/// <code>
/// extent := │ crc of the bucket's key and of what follows u32 │ count u32 │ ( │ op id u64 │ kind u8 │ checksum u32 │ length u32 │ )* │ fragments │
/// </code>
/// A row for each operation would cost Postgres more than the operation's own bytes.
/// </remarks>
internal static class OpExtent
{
    private const int HeaderSize = 8;
    private const int EntrySize = 17;

    public static byte[] Write(ReadOnlySpan<byte> bucket, ReadOnlySpan<BucketOp> ops)
    {
        var size = HeaderSize + (ops.Length * EntrySize);
        foreach (ref readonly var op in ops)
            size += op.Fragment.Length;
        var extent = GC.AllocateUninitializedArray<byte>(size);
        BinaryPrimitives.WriteInt32LittleEndian(extent.AsSpan(4), ops.Length);
        var entry = extent.AsSpan(HeaderSize);
        var fragments = entry[(ops.Length * EntrySize)..];
        foreach (ref readonly var op in ops)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(entry, op.OpId.Value);
            entry[8] = (byte)op.Kind;
            BinaryPrimitives.WriteUInt32LittleEndian(entry[9..], op.Checksum);
            BinaryPrimitives.WriteInt32LittleEndian(entry[13..], op.Fragment.Length);
            op.Fragment.Span.CopyTo(fragments);
            entry = entry[EntrySize..];
            fragments = fragments[op.Fragment.Length..];
        }
        BinaryPrimitives.WriteUInt32LittleEndian(extent, Crc(bucket, extent));
        return extent;
    }

    /// <summary>Adds the operations with <c>after &lt; op id ≤ upTo</c>; their fragments lie in <paramref name="extent"/>.</summary>
    /// <exception cref="DamagedStoreException">The checksum does not agree.</exception>
    public static void Read(string store, ReadOnlySpan<byte> bucket, byte[] extent, ulong after, ulong upTo, List<BucketOp> ops)
    {
        if (extent.Length < HeaderSize || BinaryPrimitives.ReadUInt32LittleEndian(extent) != Crc(bucket, extent))
            throw new DamagedStoreException($"Table topgun_ops of {store}", "a row does not agree with its checksum");
        var count = BinaryPrimitives.ReadInt32LittleEndian(extent.AsSpan(4));
        var entry = extent.AsSpan(HeaderSize, count * EntrySize);
        var fragment = HeaderSize + (count * EntrySize);
        for (; !entry.IsEmpty; entry = entry[EntrySize..])
        {
            var opId = BinaryPrimitives.ReadUInt64LittleEndian(entry);
            var length = BinaryPrimitives.ReadInt32LittleEndian(entry[13..]);
            if (opId > after && opId <= upTo)
            {
                ops.Add(new BucketOp(
                    new OpId(opId), (OpKind)entry[8], BinaryPrimitives.ReadUInt32LittleEndian(entry[9..]), extent.AsMemory(fragment, length)));
            }
            fragment += length;
        }
    }

    private static uint Crc(ReadOnlySpan<byte> bucket, byte[] extent) => Crc32C.Compute(extent.AsSpan(sizeof(uint)), Crc32C.Compute(bucket));
}
