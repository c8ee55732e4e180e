using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>Every bucket's name and totals.</summary>
/// <remarks>
/// Written by the bucket log alone, just before a batch is given to the subscribers; read by anybody. A reader that sees a
/// <see cref="BucketSummary.LastOpId"/> beyond its checkpoint knows that a batch is on its way to it.
/// </remarks>
public sealed class BucketDirectory
{
    private readonly Lock _gate = new();
    // Changed by the evaluating thread alone, and under the gate: it may read without it, others not.
    private readonly List<BucketEntry?> _byNumber = []; // bucket n is at n − 1, null once dropped
    private readonly BucketNameIndex _names;
    private int _count;

    public BucketDirectory() => _names = new BucketNameIndex(_byNumber);

    /// <summary>Number of buckets.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _count;
        }
    }

    /// <summary>The last operation of any bucket that readers may know of.</summary>
    public OpId LastOpId
    {
        get
        {
            lock (_gate)
            {
                var last = OpId.None;
                foreach (var entry in _byNumber)
                {
                    if (entry?.Published.LastOpId > last)
                        last = entry.Published.LastOpId;
                }
                return last;
            }
        }
    }

    /// <summary>Totals of a bucket; an unknown bucket is empty.</summary>
    public BucketSummary Find(string bucket)
    {
        lock (_gate)
            return _names.Find(bucket) is { } entry ? entry.Published : default;
    }

    /// <summary>Number of a bucket; 0 when it is not there.</summary>
    public int NumberOf(string bucket)
    {
        lock (_gate)
            return _names.Find(bucket) is { } entry ? entry.Number : 0;
    }

    /// <summary>Some of the buckets, by number. Looks at a few at a time, so that nobody waits for it.</summary>
    /// <param name="after">Number after which to begin; 0 for the first.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="isWanted">Which ones, by name.</param>
    public IReadOnlyList<(int Number, string Name, BucketSummary Summary)> List(int after, int limit, Func<string, bool> isWanted)
    {
        const int AtATime = 1000;
        List<(int, string, BucketSummary)> found = [];
        for (var number = after; found.Count < limit;)
        {
            lock (_gate)
            {
                if (number >= _byNumber.Count)
                    break;
                for (var last = Math.Min(_byNumber.Count, number + AtATime); number < last && found.Count < limit; number++)
                {
                    if (_byNumber[number] is { } entry && isWanted(entry.Name))
                        found.Add((entry.Number, entry.Name, entry.Published));
                }
            }
        }
        return found;
    }

    /// <summary>
    /// The bucket cannot be read any more at checkpoints before this: operations up to it were replaced. To be asked after reading, since it is
    /// raised before anything of it can be seen.
    /// </summary>
    public OpId CompactedThrough(string bucket)
    {
        lock (_gate)
            return _names.Find(bucket) is { } entry ? entry.CompactedThrough : OpId.None;
    }

    internal void Set(string bucket, BucketSummary summary)
    {
        lock (_gate)
        {
            var entry = _names.Find(bucket) ?? Add(bucket, _byNumber.Count + 1);
            entry.Published = entry.Evaluated = summary;
        }
    }

    /// <summary>Makes the totals of a batch known to readers.</summary>
    internal void Publish(OpBatch batch)
    {
        lock (_gate)
        {
            foreach (var change in batch.Buckets)
                _names.Find(change.Name)!.Published = change.Summary;
        }
    }

    /// <summary>Takes in totals that changed without a batch; those of an earlier or a later batch are left alone.</summary>
    internal void Refresh(string bucket, BucketSummary summary)
    {
        lock (_gate)
        {
            if (_names.Find(bucket) is { } entry && entry.Published.LastOpId == summary.LastOpId)
                entry.Published = entry.Evaluated = summary;
        }
    }

    /// <summary>Notes how far another process has compacted a bucket; false when that was known.</summary>
    internal bool Compacting(string bucket, OpId through)
    {
        lock (_gate)
        {
            if (_names.Find(bucket) is not { } entry || through <= entry.CompactedThrough)
                return false;
            entry.CompactedThrough = through;
            return true;
        }
    }

    /// <summary>Name of the bucket of a number; null when there is none.</summary>
    internal string? NameOf(int number)
    {
        lock (_gate)
            return number <= _byNumber.Count ? _byNumber[number - 1]?.Name : null;
    }

    internal void Compacting(BucketEntry entry, OpId through)
    {
        lock (_gate)
        {
            if (through > entry.CompactedThrough)
                entry.CompactedThrough = through;
        }
    }

    /// <summary>Makes totals known that changed without a batch, unless they belong to one that is still on its way.</summary>
    internal void Refresh(BucketEntry entry)
    {
        lock (_gate)
        {
            if (entry.Published.LastOpId == entry.Evaluated.LastOpId)
                entry.Published = entry.Evaluated;
            else if (entry.Shown is { } shown && shown.LastOpId == entry.Published.LastOpId)
                entry.Published = shown;
        }
    }

    /// <summary>Whether this is one of the buckets that there are, and not one from before all became void.</summary>
    internal bool Holds(BucketEntry entry) => entry.Number <= _byNumber.Count && ReferenceEquals(_byNumber[entry.Number - 1], entry);

    /// <summary>All buckets; for the evaluating thread.</summary>
    internal IEnumerable<BucketEntry> All => _byNumber.OfType<BucketEntry>();

    /// <summary>The bucket of a UTF-8 name, made when it is new.</summary>
    internal BucketEntry GetOrAdd(ReadOnlySpan<byte> name)
    {
        if (_names.Find(name) is { } known)
            return known;
        lock (_gate)
            return Add(Encoding.UTF8.GetString(name), _byNumber.Count + 1);
    }

    /// <summary>The bucket that row states know by this number; null when it was dropped.</summary>
    internal BucketEntry? ByNumber(int number)
    {
        if (number < 1 || number > _byNumber.Count)
            Throw.DamagedRecord();
        return _byNumber[number - 1];
    }

    /// <param name="records">Where it is put.</param>
    /// <param name="entry">The bucket.</param>
    /// <param name="summary">Its totals.</param>
    /// <param name="shown">Its totals before a transaction that is being taken in by parts, if that has changed it.</param>
    /// <param name="scratch">Overwritten.</param>
    internal static void WriteRecord(
        RecordChanges records, BucketEntry entry, BucketSummary summary, BucketSummary? shown, ArrayBufferWriter<byte> scratch)
    {
        scratch.ResetWrittenCount();
        scratch.WriteVarint((ulong)entry.Number);
        Write(scratch, summary);
        scratch.WriteVarint(entry.CompactedThrough.Value);
        if (shown is { } before)
            Write(scratch, before);
        var value = scratch.WrittenCount;
        var name = scratch.GetSpan(Encoding.UTF8.GetMaxByteCount(entry.Name.Length));
        scratch.Advance(Encoding.UTF8.GetBytes(entry.Name, name));
        records.Put(RecordTable.Bucket, scratch.WrittenSpan[value..], scratch.WrittenSpan[..value]);
    }

    internal static BucketEntry ReadRecord(StoredRecord record)
    {
        var reader = new RecordReader(record.Value.Span);
        var entry = new BucketEntry(reader.ReadCount(), Encoding.UTF8.GetString(record.Key.Span));
        entry.Published = entry.Evaluated = ReadSummary(ref reader);
        entry.CompactedThrough = new OpId(reader.ReadVarint());
        entry.Shown = reader.Rest.IsEmpty ? null : ReadSummary(ref reader);
        return entry;
    }

    /// <summary>Numbers given out so far. None is given twice, as row states may name a bucket that was dropped long ago.</summary>
    internal int NumberCount => _byNumber.Count;

    /// <summary>The next buckets with a number above <paramref name="after"/> that meet a condition.</summary>
    internal List<BucketEntry> Find(int after, int limit, Predicate<BucketEntry> condition)
    {
        List<BucketEntry> found = [];
        for (var index = after; index < _byNumber.Count && found.Count < limit; index++)
        {
            if (_byNumber[index] is { } entry && condition(entry))
                found.Add(entry);
        }
        return found;
    }

    /// <summary>Forgets buckets that nobody may ask for any more.</summary>
    internal void Drop(IReadOnlyList<BucketEntry> dropped)
    {
        lock (_gate)
        {
            foreach (var entry in dropped)
            {
                if (Holds(entry))
                    _count--;
                _byNumber[entry.Number - 1] = null;
            }
        }
    }

    /// <summary>Lets go of the names of dropped buckets.</summary>
    internal void ForgetDropped()
    {
        lock (_gate)
        {
            _names.Clear();
            _names.AddAll();
        }
    }

    /// <summary>Takes in the stored records, into a directory that is empty.</summary>
    /// <param name="records">Records of the buckets that there are; each is let go at once, as there may be millions.</param>
    /// <param name="numberCount">Numbers given out when buckets were last dropped.</param>
    /// <param name="shownUpTo">Operations after this one are not to be seen; null when all are.</param>
    /// <param name="cancellationToken">Stops before anything is there.</param>
    internal async ValueTask LoadAsync(IAsyncEnumerable<StoredRecord> records, int numberCount, OpId? shownUpTo, CancellationToken cancellationToken)
    {
        var entries = new List<BucketEntry?>();
        var count = 0;
        await foreach (var record in records.WithCancellation(cancellationToken))
        {
            var entry = ReadRecord(record);
            if (entry.Number < 1)
                Throw.DamagedRecord();
            if (entry.Evaluated.LastOpId > shownUpTo)
                entry.Published = entry.Shown ?? default;
            else
                entry.Shown = null; // the transaction has been shown since
            if (entries.Count < entry.Number)
                CollectionsMarshal.SetCount(entries, entry.Number);
            if (entries[entry.Number - 1] is not null)
                Throw.DamagedRecord();
            entries[entry.Number - 1] = entry;
            count++;
        }
        if (entries.Count < numberCount)
            CollectionsMarshal.SetCount(entries, numberCount);
        lock (_gate)
        {
            _byNumber.AddRange(entries);
            _count = count;
            _names.AddAll();
        }
    }

    internal void Clear()
    {
        lock (_gate)
        {
            _byNumber.Clear();
            _names.Clear();
            _count = 0;
        }
    }

    private static void Write(ArrayBufferWriter<byte> output, in BucketSummary summary)
    {
        output.WriteVarint(summary.LastOpId.Value);
        output.WriteVarint(summary.Checksum);
        output.WriteVarint((ulong)summary.Count);
        output.WriteVarint((ulong)summary.ByteCount);
        output.WriteVarint((ulong)summary.Superseded);
    }

    private static BucketSummary ReadSummary(ref RecordReader reader) => new(
        new OpId(reader.ReadVarint()), (uint)reader.ReadVarint(), (long)reader.ReadVarint(), (long)reader.ReadVarint(), (long)reader.ReadVarint());

    private BucketEntry Add(string name, int number)
    {
        var entry = new BucketEntry(number, name);
        _byNumber.Add(entry);
        _names.Add(entry);
        _count++;
        return entry;
    }
}
