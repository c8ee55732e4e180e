using System.Buffers;
using System.Runtime.InteropServices;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Protocol.Json;

namespace TopGun.Buckets.Client.Sync;

/// <summary>Gathers the operations of a batch, sorts them by row and puts them away in <c>tg_run</c>, in parts that are read one at a time.</summary>
internal sealed class RunWriter(int partBytes)
{
    /// <summary>Bits of a part's id that number the parts of a run.</summary>
    public const int PartBits = 24;

    private readonly ArrayBufferWriter<byte> _records = new();
    private readonly ArrayBufferWriter<byte> _part = new();
    private readonly List<Entry> _entries = [];

    public void Add(long bucket, long type, in DataOp op)
    {
        _entries.Add(new Entry(RunRecord.Prefix(op.Id), _records.WrittenCount));
        RunRecord.Write(_records, bucket, type, op);
    }

    /// <summary>Writes what was gathered as one run.</summary>
    public void Flush(Database database)
    {
        if (_entries.Count == 0)
            return;
        CollectionsMarshal.AsSpan(_entries).Sort(new ByRow(_records.WrittenMemory));
        var newest = database.Prepare("SELECT max(id) FROM tg_run").RunInt64() ?? 0;
        var part = ((newest >> PartBits) + 1) << PartBits;
        foreach (var entry in _entries)
        {
            var record = RunRecord.At(_records.WrittenSpan, entry.Start);
            if (_part.WrittenCount > 0 && _part.WrittenCount + record.Length > partBytes)
                WritePart(database, part++);
            _part.Write(record.Bytes);
        }
        WritePart(database, part);
        _entries.Clear();
        _records.ResetWrittenCount();
    }

    private void WritePart(Database database, long id)
    {
        database.Prepare("INSERT INTO tg_run(id, ops) VALUES(?, ?)").Bind(1, id).BindBlob(2, _part.WrittenSpan).Run();
        _part.ResetWrittenCount();
    }

    private readonly record struct Entry(ulong Prefix, int Start);

    private sealed class ByRow(ReadOnlyMemory<byte> records) : IComparer<Entry>
    {
        public int Compare(Entry x, Entry y)
        {
            if (x.Prefix != y.Prefix)
                return x.Prefix.CompareTo(y.Prefix);
            return RunRecord.Compare(RunRecord.At(records.Span, x.Start), RunRecord.At(records.Span, y.Start));
        }
    }
}
