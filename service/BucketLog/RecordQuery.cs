using System.Buffers;

namespace TopGun.Buckets.BucketLog;

/// <summary>Keys to look up and, after <see cref="IColdStorage.GetAsync"/>, their values. Reused, so that point reads allocate nothing.</summary>
public sealed class RecordQuery
{
    private const int KeepBytes = 64 << 20; // one giant transaction's memory is not kept for all that follow

    private ArrayBufferWriter<byte> _keys = new(4096);
    private ArrayBufferWriter<byte> _values = new(4096);
    private readonly List<Entry> _entries = [];

    /// <summary>Number of keys.</summary>
    public int Count => _entries.Count;

    /// <summary>Adds a key and returns its position.</summary>
    public int Add(RecordTable table, ReadOnlySpan<byte> key)
    {
        _entries.Add(new Entry(table, _keys.WrittenCount, key.Length, ValueOffset: 0, ValueLength: -1));
        _keys.Write(key);
        return _entries.Count - 1;
    }

    /// <summary>Kind of the record at a position.</summary>
    public RecordTable Table(int index) => _entries[index].Table;

    /// <summary>Key at a position.</summary>
    public ReadOnlyMemory<byte> Key(int index) => _keys.WrittenMemory.Slice(_entries[index].KeyOffset, _entries[index].KeyLength);

    /// <summary>Called by the store for each key that exists; the value is copied.</summary>
    public void SetValue(int index, ReadOnlySpan<byte> value)
    {
        _entries[index] = _entries[index] with { ValueOffset = _values.WrittenCount, ValueLength = value.Length };
        _values.Write(value);
    }

    /// <summary>Whether the record exists, and its value, valid until <see cref="Clear"/>.</summary>
    public bool TryGetValue(int index, out ReadOnlyMemory<byte> value)
    {
        var entry = _entries[index];
        value = entry.ValueLength < 0 ? default : _values.WrittenMemory.Slice(entry.ValueOffset, entry.ValueLength);
        return entry.ValueLength >= 0;
    }

    public void Clear()
    {
        if (_keys.Capacity > KeepBytes)
            _keys = new ArrayBufferWriter<byte>(4096);
        else
            _keys.ResetWrittenCount();
        if (_values.Capacity > KeepBytes)
            _values = new ArrayBufferWriter<byte>(4096);
        else
            _values.ResetWrittenCount();
        _entries.Clear();
    }

    private readonly record struct Entry(RecordTable Table, int KeyOffset, int KeyLength, int ValueOffset, int ValueLength);
}
