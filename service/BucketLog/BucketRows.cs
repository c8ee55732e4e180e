using System.Runtime.InteropServices;
using System.Text;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>The buckets of a directory side by side: a million of them take 140 MB with their names, and no object each.</summary>
internal sealed class BucketRows
{
    private const int NamesKept = 1024;

    private readonly ChunkedList<Row> _rows = new(isLasting: true);
    private readonly ByteArena _bytes = new(isLasting: true);
    private readonly Dictionary<int, BucketSummary> _shown = []; // of few, and for a moment; guarded by itself
    private readonly KeptName?[] _names = new KeptName?[NamesKept]; // of those that were asked for last

    /// <summary>Places so far, with those of buckets that were dropped.</summary>
    public int Count => _rows.Count;

    public ref Row this[int place] => ref _rows[place];

    /// <summary>Adds a bucket and gives its place.</summary>
    public int Add(ReadOnlySpan<byte> name)
    {
        Skip(_rows.Count + 1);
        Name(_rows.Count - 1, name);
        return _rows.Count - 1;
    }

    /// <summary>Puts a bucket where its number says.</summary>
    public BucketEntry Put(ReadOnlySpan<byte> name, in BucketRecord record)
    {
        var place = record.Number - 1;
        if (place < 0 || Holds(place))
            Throw.DamagedRecord();
        Skip(record.Number);
        Name(place, name);
        ref var row = ref _rows[place];
        row.Published.Pack(record.Evaluated);
        row.Evaluated.Pack(record.Evaluated);
        row.CompactedThrough = record.CompactedThrough;
        if (record.Shown is not null)
            Show(place, record.Shown);
        return new BucketEntry(this, place);
    }

    /// <summary>Makes places for so many buckets, which are not there.</summary>
    public void Skip(int count)
    {
        while (_rows.Count < count)
            _rows.Add(default);
    }

    /// <summary>Whether there is a bucket at a place.</summary>
    public bool Holds(int place) => (uint)place < (uint)_rows.Count && _rows[place].IsThere;

    public ReadOnlySpan<byte> BytesOf(int place) => _bytes[_rows[place].Name];

    public string NameOf(int place)
    {
        ref var kept = ref _names[place & (NamesKept - 1)];
        if (kept is not { } found || found.Place != place)
            kept = found = new KeptName(place, Encoding.UTF8.GetString(BytesOf(place)));
        return found.Text;
    }

    public BucketSummary? ShownOf(int place)
    {
        if (!_rows[place].HasShown)
            return null;
        lock (_shown)
            return _shown.TryGetValue(place, out var shown) ? shown : null;
    }

    public void Show(int place, BucketSummary? totals)
    {
        lock (_shown)
        {
            if (totals is { } shown)
                _shown[place] = shown;
            else
                _shown.Remove(place);
            _rows[place].HasShown = totals is not null;
        }
    }

    private void Name(int place, ReadOnlySpan<byte> name)
    {
        ref var row = ref _rows[place];
        row.Name = _bytes.Add(name);
        row.IsThere = true;
    }

    private sealed record KeptName(int Place, string Text);

    /// <summary>A summary without room for what no bucket ever reaches: 2⁴⁰ operations, and 2³² of which anybody would have to be told that they are redundant.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    internal struct PackedSummary
    {
        private ulong _lastOpId;
        private uint _checksum;
        private uint _superseded;
        private uint _count;
        private uint _bytes;
        private ushort _bytesAbove;
        private byte _countAbove;

        public readonly BucketSummary Unpack() => new(
            new OpId(_lastOpId), _checksum, _count | ((long)_countAbove << 32), _bytes | ((long)_bytesAbove << 32), _superseded);

        public void Pack(in BucketSummary summary)
        {
            _lastOpId = summary.LastOpId.Value;
            _checksum = summary.Checksum;
            _superseded = (uint)Math.Min(summary.Superseded, uint.MaxValue);
            (_count, _countAbove) = ((uint)summary.Count, checked((byte)(summary.Count >> 32)));
            (_bytes, _bytesAbove) = ((uint)summary.ByteCount, checked((ushort)(summary.ByteCount >> 32)));
        }
    }

    /// <summary>Numbers only; <see cref="BucketEntry"/> says what they are.</summary>
    [StructLayout(LayoutKind.Auto)]
    internal struct Row
    {
        public PackedSummary Published;
        public PackedSummary Evaluated;
        public OpId CompactedThrough;
        public ByteArena.Place Name;
        public int BatchIndex;
        public int DirtyIndex;
        public bool IsQueued;
        public bool IsThere;
        public bool HasShown;
    }
}
