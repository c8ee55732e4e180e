using System.Buffers;
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
    private readonly List<byte[]> _chunks = []; // keys and values: one behind the other, and large ones by themselves
    private ulong[] _slots = new ulong[4096]; // places are position << 4 | table
    private int _used;
    private int _chunk = -1; // the one that is being filled
    private int _chunkUsed;
    private int _reused; // chunks that it had when it was cleared: the first of the list
    private bool _isLent; // somebody outside may hold bytes of it

    /// <summary>Bytes of RAM used, roughly.</summary>
    public long ByteCount { get; private set; }

    public int Count => _used;

    /// <summary>Makes it a new one with the memory of this; false when somebody may still read that.</summary>
    public bool TryClear()
    {
        if (_isLent)
            return false;
        foreach (var table in _tables)
            table.Clear();
        Array.Clear(_sorted);
        Array.Clear(_slots);
        _chunks.RemoveAll(static chunk => chunk.Length != ChunkSize);
        _reused = _chunks.Count;
        _used = _chunkUsed = 0;
        _chunk = -1;
        ByteCount = 0;
        return true;
    }

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
            entries.Add(new Entry { Key = Copy(key), KeyLength = key.Length, Value = Copy(value), ValueLength = hasValue ? value.Length : -1 });
            ByteCount += key.Length + value.Length + 64;
            return;
        }
        ref var entry = ref CollectionsMarshal.AsSpan(entries)[Position(slot)];
        (entry.Value, entry.ValueLength) = (Copy(value), hasValue ? value.Length : -1);
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
        entry = MemoryOf(_tables[(int)table][Position(slot)]);
        return true;
    }

    /// <summary>Shows the entries of a table, removed ones too, in no order.</summary>
    public void Visit(RecordTable table, RecordVisitor visit)
    {
        foreach (ref readonly var entry in CollectionsMarshal.AsSpan(_tables[(int)table]))
        {
            var found = MemoryOf(entry);
            visit(found.Key.Span, found.Value.Span, found.HasValue);
        }
    }

    /// <summary>Entries whose key starts with <paramref name="prefix"/>, in key order, removed ones too.</summary>
    public List<MemoryEntry> Scan(RecordTable table, ReadOnlySpan<byte> prefix)
    {
        _isLent = true;
        var sorted = Sorted(table);
        var entries = CollectionsMarshal.AsSpan(_tables[(int)table]);
        var (low, high) = (0, sorted.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (KeyOf(entries[sorted[middle]]).SequenceCompareTo(prefix) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        List<MemoryEntry> found = [];
        for (; low < sorted.Length && KeyOf(entries[sorted[low]]).StartsWith(prefix); low++)
            found.Add(MemoryOf(entries[sorted[low]]));
        return found;
    }

    /// <summary>All entries in key order, removed ones too, for somebody who is done with them before the table is cleared.</summary>
    public IEnumerable<MemoryEntry> InOrder(RecordTable table)
    {
        var entries = _tables[(int)table];
        foreach (var position in Sorted(table))
            yield return MemoryOf(entries[position]);
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
                || (right < added.Length && KeyOf(entries[added[right]]).SequenceCompareTo(KeyOf(entries[sorted[left]])) < 0);
            merged[next] = takesAdded ? added[right++] : sorted[left++];
        }
        return _sorted[(int)table] = merged;
    }

    /// <summary>Positions from one on, in the order of their keys.</summary>
    private int[] SortFrom(ReadOnlySpan<Entry> entries, int first)
    {
        // Keys lie anywhere in memory. Their beginnings side by side sort several times as fast; whole keys are compared where those agree.
        var positions = new int[entries.Length - first];
        var beginnings = ArrayPool<UInt128>.Shared.Rent(positions.Length);
        for (var index = 0; index < positions.Length; index++)
        {
            positions[index] = first + index;
            beginnings[index] = Beginning(KeyOf(entries[first + index]));
        }
        Array.Sort(beginnings, positions, 0, positions.Length);
        for (var (start, end) = (0, 0); start < positions.Length; start = end)
        {
            for (end = start + 1; end < positions.Length && beginnings[end] == beginnings[start];)
                end++;
            if (end - start > 1)
                SortWhole(entries, positions.AsSpan(start, end - start));
        }
        ArrayPool<UInt128>.Shared.Return(beginnings);
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

    private void SortWhole(ReadOnlySpan<Entry> entries, Span<int> positions)
    {
        var keys = new ReadOnlyMemory<byte>[positions.Length];
        for (var index = 0; index < keys.Length; index++)
            keys[index] = MemoryOf(entries[positions[index]]).Key;
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
                && KeyOf(CollectionsMarshal.AsSpan(_tables[(int)table])[Position(slot)]).SequenceEqual(key))
                return ref slot;
        }
    }

    private static int Position(ulong slot) => (int)(((uint)slot - 1) >> 4);

    private ReadOnlySpan<byte> KeyOf(in Entry entry) => _chunks[entry.Key.Chunk].AsSpan(entry.Key.Offset, entry.KeyLength);

    private MemoryEntry MemoryOf(in Entry entry) => new(
        _chunks[entry.Key.Chunk].AsMemory(entry.Key.Offset, entry.KeyLength),
        entry.ValueLength < 0 ? default : _chunks[entry.Value.Chunk].AsMemory(entry.Value.Offset, entry.ValueLength),
        HasValue: entry.ValueLength >= 0);

    private Place Copy(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > ChunkSize / 4)
        {
            _chunks.Add(bytes.ToArray());
            return new Place(_chunks.Count - 1, 0);
        }
        if (_chunk < 0 || ChunkSize - _chunkUsed < bytes.Length)
            NextChunk();
        bytes.CopyTo(_chunks[_chunk].AsSpan(_chunkUsed));
        _chunkUsed += bytes.Length;
        return new Place(_chunk, _chunkUsed - bytes.Length);
    }

    private void NextChunk()
    {
        _chunkUsed = 0;
        _chunk = _chunk + 1 < _reused ? _chunk + 1 : _chunks.Count;
        if (_chunk == _chunks.Count)
            _chunks.Add(GC.AllocateUninitializedArray<byte>(ChunkSize));
    }

    private static uint Hash(RecordTable table, ReadOnlySpan<byte> key) => Crc32C.Compute(key, (uint)table);

    private readonly record struct Place(int Chunk, int Offset);

    /// <summary>Without references: there are hundreds of thousands of these, and the garbage collector need not look at them.</summary>
    private struct Entry
    {
        public Place Key;
        public int KeyLength;
        public int ValueLength; // −1: removed
        public Place Value;
    }
}

/// <summary>A record in RAM, or the memory of its removal.</summary>
internal readonly record struct MemoryEntry(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, bool HasValue);
