using System.Buffers;
using System.Runtime.InteropServices;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Protocol.Json;

namespace TopGun.Buckets.Client.Sync;

/// <summary>Gathers the operations of a batch, sorts them by row and puts them away as a run, in parts that are read one at a time.</summary>
internal sealed class RunWriter(int partBytes)
{
    /// <summary>Bytes of parts that are written at once.</summary>
    private const int WriteBytes = 64 << 10;

    private readonly ArrayBufferWriter<byte> _records = new(LineBatch.FullBytes + (LineBatch.FullBytes / 2)); // a batch, without growing towards it
    private readonly ArrayBufferWriter<byte> _part = new();
    private readonly ArrayBufferWriter<byte> _sealed = new();
    private readonly List<Entry> _entries = [];

    public void Add(long bucket, long type, in DataOp op)
    {
        _entries.Add(new Entry(RunRecord.Prefix(op.Id), _records.WrittenCount));
        RunRecord.Write(_records, bucket, type, op);
    }

    /// <summary>Writes what was gathered as one run, which counts when the transaction commits.</summary>
    public void Flush(Database database)
    {
        if (_entries.Count == 0)
            return;
        CollectionsMarshal.AsSpan(_entries).Sort(new ByRow(_records.WrittenMemory));
        using var file = RunFile.Open(database);
        var run = Run.Begin(database);
        var (end, parts) = (run.Start, 0);
        foreach (var entry in _entries)
        {
            var record = RunRecord.At(_records.WrittenSpan, entry.Start);
            if (_part.WrittenCount > 0 && _part.WrittenCount + record.Length > partBytes)
                Seal();
            _part.Write(record.Bytes);
        }
        Seal();
        Write();
        (run with { End = end }).Note(database);
        _entries.Clear();
        _records.ResetWrittenCount();

        void Seal()
        {
            file.Seal(run.Nonce, parts++, _part.WrittenSpan, _sealed);
            _part.ResetWrittenCount();
            if (_sealed.WrittenCount >= WriteBytes)
                Write();
        }

        void Write()
        {
            file.Write(end, _sealed.WrittenMemory);
            end += _sealed.WrittenCount;
            _sealed.ResetWrittenCount();
        }
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
