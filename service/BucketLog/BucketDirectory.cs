using System.Text;
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
    private BucketRows _rows = new(); // bucket n is at n − 1
    private BucketNameIndex _names;
    private int _count;

    public BucketDirectory() => _names = new BucketNameIndex(_rows);

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
                foreach (var entry in All)
                {
                    if (entry.Published.LastOpId > last)
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
            return Look(bucket) is { } entry ? entry.Published : default;
    }

    /// <summary>Number of a bucket; 0 when it is not there.</summary>
    public int NumberOf(string bucket)
    {
        lock (_gate)
            return Look(bucket) is { } entry ? entry.Number : 0;
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
                if (number >= _rows.Count)
                    break;
                for (var last = Math.Min(_rows.Count, number + AtATime); number < last && found.Count < limit; number++)
                {
                    if (At(number) is { } entry && isWanted(entry.Name))
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
            return Look(bucket) is { } entry ? entry.CompactedThrough : OpId.None;
    }

    internal void Set(string bucket, BucketSummary summary)
    {
        lock (_gate)
        {
            var entry = Look(bucket) ?? Add(Encoding.UTF8.GetBytes(bucket));
            entry.Published = entry.Evaluated = summary;
        }
    }

    /// <summary>Makes the totals of a batch known to readers.</summary>
    internal void Publish(OpBatch batch)
    {
        lock (_gate)
        {
            foreach (var change in batch.Buckets)
            {
                var entry = At(_names.Find(change.Name))!.Value;
                entry.Published = change.Summary;
            }
        }
    }

    /// <summary>Takes in totals that changed without a batch; those of an earlier or a later batch are left alone.</summary>
    internal void Refresh(string bucket, BucketSummary summary)
    {
        lock (_gate)
        {
            if (Look(bucket) is { } entry && entry.Published.LastOpId == summary.LastOpId)
                entry.Published = entry.Evaluated = summary;
        }
    }

    /// <summary>Notes how far another process has compacted a bucket; false when that was known.</summary>
    internal bool Compacting(string bucket, OpId through)
    {
        lock (_gate)
        {
            if (Look(bucket) is not { } entry || through <= entry.CompactedThrough)
                return false;
            entry.CompactedThrough = through;
            return true;
        }
    }

    /// <summary>Name of the bucket of a number; null when there is none.</summary>
    internal string? NameOf(int number)
    {
        lock (_gate)
            return At(number - 1)?.Name;
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
    internal bool Holds(BucketEntry entry) => entry.IsOf(_rows);

    /// <summary>All buckets; for the evaluating thread.</summary>
    internal IEnumerable<BucketEntry> All
    {
        get
        {
            var rows = _rows;
            for (var place = 0; place < rows.Count; place++)
            {
                if (rows.Holds(place))
                    yield return new BucketEntry(rows, place);
            }
        }
    }

    /// <summary>The bucket of a UTF-8 name, made when it is new.</summary>
    internal BucketEntry GetOrAdd(ReadOnlySpan<byte> name)
    {
        if (At(_names.Find(name)) is { } known)
            return known;
        lock (_gate)
            return Add(name);
    }

    /// <summary>The bucket that row states know by this number; null when it was dropped.</summary>
    internal BucketEntry? ByNumber(int number)
    {
        if (number < 1 || number > _rows.Count)
            Throw.DamagedRecord();
        return At(number - 1);
    }

    /// <summary>Numbers given out so far. None is given twice, as row states may name a bucket that was dropped long ago.</summary>
    internal int NumberCount => _rows.Count;

    /// <summary>The next buckets with a number above <paramref name="after"/> that meet a condition.</summary>
    internal List<BucketEntry> Find(int after, int limit, Predicate<BucketEntry> condition)
    {
        List<BucketEntry> found = [];
        for (var place = after; place < _rows.Count && found.Count < limit; place++)
        {
            if (At(place) is { } entry && condition(entry))
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
                if (!Holds(entry))
                    continue;
                _count--;
                _rows[entry.Number - 1].IsThere = false;
            }
        }
    }

    /// <summary>Lets go of the names of dropped buckets.</summary>
    internal void ForgetDropped()
    {
        lock (_gate)
            _names.AddAll();
    }

    /// <summary>Takes in the stored records, into a directory that is empty.</summary>
    /// <param name="storage">Has the records.</param>
    /// <param name="numberCount">Numbers given out when buckets were last dropped.</param>
    /// <param name="shownUpTo">Operations after this one are not to be seen; null when all are.</param>
    /// <param name="cancellationToken">Stops before anything is there.</param>
    internal async ValueTask LoadAsync(IColdStorage storage, int numberCount, OpId? shownUpTo, CancellationToken cancellationToken)
    {
        var rows = new BucketRows();
        var names = new BucketNameIndex(rows);
        var count = 0;
        HashSet<string> removed = new(StringComparer.Ordinal);
        await storage.VisitAsync(RecordTable.Bucket, Visit, cancellationToken);
        rows.Skip(numberCount);
        lock (_gate)
            (_rows, _names, _count) = (rows, names, count);

        void Visit(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool hasValue)
        {
            if (!hasValue)
            {
                removed.Add(Encoding.UTF8.GetString(name));
                return;
            }
            if (names.Find(name) >= 0)
                return; // as it was, perhaps under another number
            if (removed.Count > 0 && removed.Contains(Encoding.UTF8.GetString(name)))
                return;
            var entry = rows.Put(name, BucketRecord.Read(value));
            names.Add(entry.Number - 1);
            if (entry.Evaluated.LastOpId > shownUpTo)
                entry.Published = entry.Shown ?? default;
            else if (entry.Shown is not null)
                entry.Show(null); // the transaction has been shown since
            count++;
        }
    }

    internal void Clear()
    {
        lock (_gate)
        {
            _rows = new BucketRows();
            _names = new BucketNameIndex(_rows);
            _count = 0;
        }
    }

    private BucketEntry? Look(string name) => At(_names.Find(name));

    private BucketEntry? At(int place) => place >= 0 && _rows.Holds(place) ? new BucketEntry(_rows, place) : null;

    private BucketEntry Add(ReadOnlySpan<byte> name)
    {
        var place = _rows.Add(name);
        _names.Add(place);
        _count++;
        return new BucketEntry(_rows, place);
    }
}
