using System.Buffers.Binary;
using System.Runtime.InteropServices;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Embedded.Runs;

/// <summary>The newest records, in RAM: found by hash, put in order only when somebody asks for an order.</summary>
/// <remarks>Guarded by the record store; a frozen one does not change and needs no guard. Bytes handed out stay as they are.</remarks>
internal sealed class Memtable
{
    private const int ChunkSize = 1 << 20;

    private readonly List<Entry>[] _tables = [.. Enumerable.Range(0, OwnTable.Limit).Select(_ => new List<Entry>())];
    private readonly int[][] _sorted = new int[OwnTable.Limit][]; // positions in key order; a prefix of the table when entries came since
    private ulong[] _slots = new ulong[4096]; // places are position << 4 | table
    private int _used;
    private byte[] _chunk = [];
    private int _chunkUsed;

    /// <summary>Bytes of RAM used, roughly.</summary>
    public long ByteCount { get; private set; }

    public int Count => _used;

    public void Apply(RecordTable table, ReadOnlySpan<byte> key, bool hasValue, ReadOnlySpan<byte> value)
    {
        if (_used * 2 >= _slots.Length)
            _slots = HashSlots.Doubled(_slots);
        var hash = Hash(table, key);
        ref var slot = ref Find(table, key, hash);
        var entries = _tables[(int)table];
        if (slot == 0)
        {
            _used++;
            slot = HashSlots.Of(hash, ((uint)entries.Count << 4) | (uint)table);
            entries.Add(new Entry(Copy(key), hasValue ? Copy(value) : default, hasValue));
            ByteCount += key.Length + value.Length + 64;
            return;
        }
        var position = Position(slot);
        entries[position] = entries[position] with { Value = hasValue ? Copy(value) : default, HasValue = hasValue };
        ByteCount += value.Length;
    }

    /// <summary>Finds the newest change of a key; a removed record is found without a value.</summary>
    public bool TryFind(RecordTable table, ReadOnlySpan<byte> key, out MemoryEntry entry)
    {
        var slot = _used == 0 ? 0 : Find(table, key, Hash(table, key));
        if (slot == 0)
        {
            entry = default;
            return false;
        }
        var found = _tables[(int)table][Position(slot)];
        entry = new MemoryEntry(found.Key, found.Value, found.HasValue);
        return true;
    }

    /// <summary>Entries whose key starts with <paramref name="prefix"/>, in key order, removed ones too.</summary>
    public List<MemoryEntry> Scan(RecordTable table, ReadOnlySpan<byte> prefix)
    {
        var sorted = Sorted(table);
        var entries = _tables[(int)table];
        var (low, high) = (0, sorted.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (entries[sorted[middle]].Key.Span.SequenceCompareTo(prefix) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        List<MemoryEntry> found = [];
        for (; low < sorted.Length && entries[sorted[low]].Key.Span.StartsWith(prefix); low++)
        {
            var entry = entries[sorted[low]];
            found.Add(new MemoryEntry(entry.Key, entry.Value, entry.HasValue));
        }
        return found;
    }

    private int[] Sorted(RecordTable table)
    {
        var entries = CollectionsMarshal.AsSpan(_tables[(int)table]);
        var sorted = _sorted[(int)table] ?? [];
        if (sorted.Length == entries.Length)
            return sorted;

        var added = SortFrom(entries, sorted.Length);
        if (sorted.Length == 0)
            return _sorted[(int)table] = added;
        var merged = new int[entries.Length];
        for (var (left, right, next) = (0, 0, 0); next < merged.Length; next++)
        {
            var takesAdded = left == sorted.Length
                || (right < added.Length && entries[added[right]].Key.Span.SequenceCompareTo(entries[sorted[left]].Key.Span) < 0);
            merged[next] = takesAdded ? added[right++] : sorted[left++];
        }
        return _sorted[(int)table] = merged;
    }

    /// <summary>Positions from one on, in the order of their keys.</summary>
    private static int[] SortFrom(ReadOnlySpan<Entry> entries, int first)
    {
        // Keys lie anywhere in memory. Their beginnings side by side sort several times as fast; whole keys are compared where those agree.
        var beginnings = new UInt128[entries.Length - first];
        var positions = new int[beginnings.Length];
        for (var index = 0; index < positions.Length; index++)
        {
            positions[index] = first + index;
            beginnings[index] = Beginning(entries[first + index].Key.Span);
        }
        Array.Sort(beginnings, positions);
        for (var (start, end) = (0, 0); start < positions.Length; start = end)
        {
            for (end = start + 1; end < positions.Length && beginnings[end] == beginnings[start];)
                end++;
            if (end - start > 1)
                SortWhole(entries, positions.AsSpan(start, end - start));
        }
        return positions;
    }

    private static UInt128 Beginning(ReadOnlySpan<byte> key)
    {
        Span<byte> padded = stackalloc byte[16];
        if (key.Length >= padded.Length)
            return BinaryPrimitives.ReadUInt128BigEndian(key);
        padded.Clear();
        key.CopyTo(padded);
        return BinaryPrimitives.ReadUInt128BigEndian(padded);
    }

    private static void SortWhole(ReadOnlySpan<Entry> entries, Span<int> positions)
    {
        var keys = new ReadOnlyMemory<byte>[positions.Length];
        for (var index = 0; index < keys.Length; index++)
            keys[index] = entries[positions[index]].Key;
        keys.AsSpan().Sort(positions, static (left, right) => left.Span.SequenceCompareTo(right.Span));
    }

    private ref ulong Find(RecordTable table, ReadOnlySpan<byte> key, uint hash)
    {
        var mask = (uint)_slots.Length - 1;
        for (var probe = hash & mask; ; probe = (probe + 1) & mask)
        {
            ref var slot = ref _slots[probe];
            if (slot == 0)
                return ref slot;
            if ((uint)(slot >> 32) == hash
                && (((uint)slot - 1) & 15) == (uint)table
                && CollectionsMarshal.AsSpan(_tables[(int)table])[Position(slot)].Key.Span.SequenceEqual(key))
                return ref slot;
        }
    }

    private static int Position(ulong slot) => (int)(((uint)slot - 1) >> 4);

    private ReadOnlyMemory<byte> Copy(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > ChunkSize / 4)
            return bytes.ToArray();
        if (_chunk.Length - _chunkUsed < bytes.Length)
        {
            _chunk = new byte[ChunkSize];
            _chunkUsed = 0;
        }
        bytes.CopyTo(_chunk.AsSpan(_chunkUsed));
        _chunkUsed += bytes.Length;
        return _chunk.AsMemory(_chunkUsed - bytes.Length, bytes.Length);
    }

    private static uint Hash(RecordTable table, ReadOnlySpan<byte> key) => Crc32C.Compute(key, (uint)table);

    private readonly record struct Entry(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, bool HasValue);
}

/// <summary>A record in RAM, or the memory of its removal.</summary>
internal readonly record struct MemoryEntry(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, bool HasValue);
