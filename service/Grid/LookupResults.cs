using System.Buffers.Binary;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Grid;

/// <summary>The results of one lookup key, as of any checkpoint that is still in use.</summary>
/// <remarks>
/// There may be millions of keys, most of them with a result or two, so a key and its results are one array. Many results are in further arrays of a few
/// KiB each, so that a change copies no more than one of them. What is handed out is a part of such an array, and stays as it is.
/// <code>
/// results := result*, by entry
/// result  := │ length of entry (u32) │ length of record (u32) │ op id of the change (u64) │ entry (UTF-8) │ record │
/// </code>
/// Numbers are little-endian.
/// </remarks>
internal sealed class LookupResults
{
    private const int HeadSize = (2 * sizeof(uint)) + sizeof(ulong);
    private const int MaxPartBytes = 4 << 10;

    private readonly int _keyLength;
    private byte[] _first; // the key, then results
    private More? _more;

    /// <summary>No results yet.</summary>
    /// <param name="key">The key in UTF-8.</param>
    public LookupResults(ReadOnlySpan<byte> key)
    {
        _first = key.ToArray();
        _keyLength = key.Length;
    }

    /// <summary>The key in UTF-8.</summary>
    public ReadOnlySpan<byte> Key => _first.AsSpan(0, _keyLength);

    /// <summary>Position of the last change.</summary>
    public OpId LastChange { get; private set; }

    private int PartCount => 1 + (_more?.Parts.Count ?? 0);

    /// <summary>Makes a change.</summary>
    /// <param name="entry">Which of the results, in UTF-8.</param>
    /// <param name="opId">Position of the change.</param>
    /// <param name="record">The result; null when there is none from now on.</param>
    /// <returns>The record whose time it ended, if there was one.</returns>
    public ReadOnlyMemory<byte>? Apply(ReadOnlySpan<byte> entry, OpId opId, ReadOnlyMemory<byte>? record)
    {
        LastChange = opId;
        var index = PartOf(entry);
        var part = Part(index);
        var at = Start(index);
        var order = -1;
        while (at < part.Length && (order = EntryAt(part, at).SequenceCompareTo(entry)) < 0)
            at = Next(part, at);
        ReadOnlyMemory<byte>? before = null;
        var end = at;
        if (at < part.Length && order == 0)
        {
            end = Next(part, at);
            before = RecordAt(part, at);
            (_more ??= new More()).Past.Add(new Ended(part.AsMemory(at, end - at), opId));
        }
        else if (record is null)
        {
            return null;
        }
        Put(index, Spliced(part, at, end, entry, opId, record));
        return before;
    }

    /// <summary>Adds the records as of a checkpoint, in the order of their entries.</summary>
    public void Find(OpId checkpoint, List<ReadOnlyMemory<byte>> records)
    {
        var past = _more?.Past.FindAll(ended => ended.From <= checkpoint && checkpoint < ended.To) ?? [];
        past.Sort(static (left, right) => left.Entry.SequenceCompareTo(right.Entry));
        var next = 0;
        for (var index = 0; index < PartCount; index++)
        {
            var part = Part(index);
            for (var at = Start(index); at < part.Length; at = Next(part, at))
            {
                if (OpIdAt(part, at) > checkpoint)
                    continue;
                for (; next < past.Count && past[next].Entry.SequenceCompareTo(EntryAt(part, at)) < 0; next++)
                    records.Add(past[next].Record);
                records.Add(RecordAt(part, at));
            }
        }
        for (; next < past.Count; next++)
            records.Add(past[next].Record);
    }

    /// <summary>What changed after a checkpoint that is in use, in any order.</summary>
    public List<LookupDelta> ChangesAfter(OpId checkpoint, string key)
    {
        List<LookupDelta> changes = [];
        foreach (var ended in _more?.Past ?? [])
        {
            if (ended.To > checkpoint)
                changes.Add(new LookupDelta(key, ended.To, ended.Record, null));
            if (ended.From > checkpoint)
                changes.Add(new LookupDelta(key, ended.From, null, ended.Record));
        }
        for (var index = 0; index < PartCount; index++)
        {
            var part = Part(index);
            for (var at = Start(index); at < part.Length; at = Next(part, at))
            {
                if (OpIdAt(part, at) > checkpoint)
                    changes.Add(new LookupDelta(key, OpIdAt(part, at), null, RecordAt(part, at)));
            }
        }
        return changes;
    }

    /// <summary>Drops what ended up to <paramref name="oldest"/>; true when nothing is left.</summary>
    public bool Forget(OpId oldest)
    {
        if (_more is { } more)
        {
            var kept = more.Past.FindIndex(ended => ended.To > oldest);
            more.Past.RemoveRange(0, kept < 0 ? more.Past.Count : kept);
            if (more is { Past.Count: 0, Parts.Count: 0 })
                _more = null;
        }
        return _more is null && _first.Length == _keyLength;
    }

    private byte[] Part(int index) => index == 0 ? _first : _more!.Parts[index - 1];

    private int Start(int index) => index == 0 ? _keyLength : 0;

    /// <summary>The last part that begins with the entry or one before it.</summary>
    private int PartOf(ReadOnlySpan<byte> entry)
    {
        // Rows mostly come in the order of their keys, so the end is tried first.
        var (low, high) = (0, PartCount - 1);
        if (high > 0 && EntryAt(Part(high), 0).SequenceCompareTo(entry) <= 0)
            return high;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (EntryAt(Part(middle), 0).SequenceCompareTo(entry) <= 0)
                low = middle;
            else
                high = middle - 1;
        }
        return low;
    }

    private static byte[] Spliced(byte[] part, int at, int end, ReadOnlySpan<byte> entry, OpId opId, ReadOnlyMemory<byte>? record)
    {
        var length = record is null ? 0 : HeadSize + entry.Length + record.Value.Length;
        var spliced = new byte[part.Length - (end - at) + length];
        part.AsSpan(0, at).CopyTo(spliced);
        part.AsSpan(end).CopyTo(spliced.AsSpan(at + length));
        if (record is not { Span: var bytes })
            return spliced;
        var result = spliced.AsSpan(at);
        BinaryPrimitives.WriteInt32LittleEndian(result, entry.Length);
        BinaryPrimitives.WriteInt32LittleEndian(result[sizeof(uint)..], bytes.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(result[(2 * sizeof(uint))..], opId.Value);
        entry.CopyTo(result[HeadSize..]);
        bytes.CopyTo(result[(HeadSize + entry.Length)..]);
        return spliced;
    }

    /// <summary>Puts a part in its place: gone when it is empty, and as two when it is too long.</summary>
    private void Put(int index, byte[] part)
    {
        var start = Start(index);
        if (index > 0 && part.Length == 0)
        {
            _more!.Parts.RemoveAt(index - 1);
            return;
        }
        var middle = part.Length - start > MaxPartBytes ? Middle(part, start) : part.Length;
        Set(index, middle == part.Length ? part : part[..middle]);
        if (middle < part.Length)
            (_more ??= new More()).Parts.Insert(index, part[middle..]);
    }

    private void Set(int index, byte[] part)
    {
        if (index == 0)
            _first = part;
        else
            _more!.Parts[index - 1] = part;
    }

    /// <summary>Where the second half of the results begins; the end when there is but one.</summary>
    private static int Middle(byte[] part, int start)
    {
        var at = Next(part, start);
        while (at < (part.Length + start) / 2)
            at = Next(part, at);
        return at;
    }

    private static int Next(byte[] part, int at) =>
        at + HeadSize + BinaryPrimitives.ReadInt32LittleEndian(part.AsSpan(at)) + BinaryPrimitives.ReadInt32LittleEndian(part.AsSpan(at + sizeof(uint)));

    private static ReadOnlySpan<byte> EntryAt(ReadOnlySpan<byte> part, int at) => part.Slice(at + HeadSize, BinaryPrimitives.ReadInt32LittleEndian(part[at..]));

    private static OpId OpIdAt(ReadOnlySpan<byte> part, int at) => new(BinaryPrimitives.ReadUInt64LittleEndian(part[(at + (2 * sizeof(uint)))..]));

    private static ReadOnlyMemory<byte> RecordAt(ReadOnlyMemory<byte> part, int at) => part.Slice(
        at + HeadSize + BinaryPrimitives.ReadInt32LittleEndian(part.Span[at..]), BinaryPrimitives.ReadInt32LittleEndian(part.Span[(at + sizeof(uint))..]));

    /// <summary>A result whose time has ended.</summary>
    private readonly record struct Ended(ReadOnlyMemory<byte> Result, OpId To)
    {
        public ReadOnlySpan<byte> Entry => EntryAt(Result.Span, 0);

        public OpId From => OpIdAt(Result.Span, 0);

        public ReadOnlyMemory<byte> Record => RecordAt(Result, 0);
    }

    /// <summary>What few keys have.</summary>
    private sealed class More
    {
        /// <summary>Results beyond the first part.</summary>
        public List<byte[]> Parts { get; } = [];

        /// <summary>By the end of their time.</summary>
        public List<Ended> Past { get; } = [];
    }
}
