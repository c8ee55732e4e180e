using System.Buffers;

namespace TopGun.Buckets.BucketLog;

/// <summary>An ordered list of record changes in one piece of memory.</summary>
public sealed class RecordChanges
{
    private const int KeepBytes = 64 << 20; // one giant transaction's memory is not kept for all that follow

    private ArrayBufferWriter<byte> _bytes = new(4096);
    private readonly List<Entry> _entries = [];

    /// <summary>Number of changes.</summary>
    public int Count => _entries.Count;

    /// <summary>Bytes of keys and values.</summary>
    public int ByteCount => _bytes.WrittenCount;

    /// <summary>Adds or replaces a record.</summary>
    public void Put(RecordTable table, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        _entries.Add(new Entry(table, _bytes.WrittenCount, key.Length, value.Length));
        _bytes.Write(key);
        _bytes.Write(value);
    }

    /// <summary>Removes a record; one that does not exist is no error.</summary>
    public void Delete(RecordTable table, ReadOnlySpan<byte> key)
    {
        _entries.Add(new Entry(table, _bytes.WrittenCount, key.Length, ValueLength: -1));
        _bytes.Write(key);
    }

    /// <summary>The change at a position. Its memory is valid until <see cref="Clear"/>.</summary>
    public RecordChange this[int index]
    {
        get
        {
            var entry = _entries[index];
            var bytes = _bytes.WrittenMemory;
            return new RecordChange(
                entry.Table,
                bytes.Slice(entry.Offset, entry.KeyLength),
                // Without the cast null would become empty memory, by way of the conversion from arrays.
                entry.ValueLength < 0 ? (ReadOnlyMemory<byte>?)null : bytes.Slice(entry.Offset + entry.KeyLength, entry.ValueLength));
        }
    }

    internal RecordTable Table(int index) => _entries[index].Table;

    internal ReadOnlySpan<byte> Key(int index) => _bytes.WrittenSpan.Slice(_entries[index].Offset, _entries[index].KeyLength);

    /// <summary>Whether the change at a position puts a value, and which.</summary>
    internal bool TryGetValue(int index, out ReadOnlySpan<byte> value)
    {
        var entry = _entries[index];
        value = entry.ValueLength < 0 ? default : _bytes.WrittenSpan.Slice(entry.Offset + entry.KeyLength, entry.ValueLength);
        return entry.ValueLength >= 0;
    }

    /// <summary>Adds all changes of another list.</summary>
    public void Add(RecordChanges other)
    {
        var shift = _bytes.WrittenCount;
        _bytes.Write(other._bytes.WrittenSpan);
        foreach (var entry in other._entries)
            _entries.Add(entry with { Offset = entry.Offset + shift });
    }

    public void Clear()
    {
        if (_bytes.Capacity > KeepBytes)
            _bytes = new ArrayBufferWriter<byte>(4096);
        else
            _bytes.ResetWrittenCount();
        _entries.Clear();
    }

    private readonly record struct Entry(RecordTable Table, int Offset, int KeyLength, int ValueLength);
}

/// <summary>One changed record.</summary>
/// <param name="Table">Kind of record.</param>
/// <param name="Key">Its key.</param>
/// <param name="Value">Its new value, or null when it is removed.</param>
public readonly record struct RecordChange(RecordTable Table, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte>? Value);
