using System.Buffers;
using TopGun.Buckets.BucketLog;

namespace TopGun.Buckets.ColdStorage.Embedded.Runs;

/// <summary>Records: the newest in RAM, the others in runs. Says what is to be flushed and merged; the store does it in the background.</summary>
/// <remarks>
/// Writers and readers take the store's lock for what is in RAM. Runs are immutable and read without it. Order of age: active table, frozen table, runs.
/// </remarks>
internal sealed class RecordStore
{
    private Memtable _active = new();
    private Memtable? _frozen;
    private readonly WeakReference<Memtable?> _spare = new(null); // a flushed one: memory that is at hand while much is written, and not kept otherwise
    private RunFile[] _runs = [];

    public long ActiveBytes => _active.ByteCount;

    public Memtable? Frozen => _frozen;

    public IReadOnlyList<RunFile> Runs => _runs;

    public void Load(RunFile[] runs) => _runs = runs;

    public void Apply(RecordTable table, ReadOnlySpan<byte> key, bool hasValue, ReadOnlySpan<byte> value) =>
        _active.Apply(table, key, hasValue, value);

    public void Clear()
    {
        _active = new Memtable();
        _frozen = null;
        _runs = [];
    }

    /// <summary>Starts a new table in RAM; the present one is to be flushed.</summary>
    public void Freeze()
    {
        _frozen = _active;
        _active = _spare.TryGetTarget(out var spare) ? spare : new Memtable();
        _spare.SetTarget(null);
    }

    public void Flushed(RunFile? run)
    {
        if (_frozen?.TryClear() == true)
            _spare.SetTarget(_frozen);
        _frozen = null;
        if (run is not null)
            _runs = [run, .. _runs];
    }

    public void Merged(IReadOnlyList<RunFile> sources, RunFile? merged)
    {
        var first = Array.IndexOf(_runs, sources[0]);
        _runs = [.. _runs[..first], .. merged is null ? Array.Empty<RunFile>() : [merged], .. _runs[(first + sources.Count)..]];
    }

    /// <summary>Runs next to each other that are worth merging, the newest first.</summary>
    public IReadOnlyList<RunFile>? FindMerge(int width)
    {
        for (var first = 0; first + width <= _runs.Length; first++)
        {
            var end = first;
            while (end < _runs.Length && _runs[end].Tier == _runs[first].Tier)
                end++;
            if (end - first >= width)
                return _runs[first..end];
        }
        return null;
    }

    /// <summary>Answers what RAM knows of the keys from a position on; the positions of the others are put into <paramref name="rest"/>.</summary>
    public int GetFromMemory(RecordQuery query, int first, int[] rest)
    {
        var count = 0;
        for (var index = first; index < query.Count; index++)
        {
            var table = query.Table(index);
            var key = query.Key(index).Span;
            if (_active.TryFind(table, key, out var entry) || (_frozen is not null && _frozen.TryFind(table, key, out entry)))
            {
                if (entry.HasValue)
                    query.SetValue(index, entry.Value.Span);
                continue;
            }
            rest[count++] = index;
        }
        return count;
    }

    /// <summary>Answers the rest from the runs, as they were when RAM was asked. Keys that are neighbours are found in one block when they are asked for in order.</summary>
    /// <param name="query">The query.</param>
    /// <param name="rest">Positions of its keys that RAM does not know; overwritten.</param>
    /// <param name="runs">The newest first.</param>
    public static void GetFromRuns(RecordQuery query, Span<int> rest, RunFile[] runs)
    {
        var buffer = default(BlockBuffer);
        var hashes = ArrayPool<ulong>.Shared.Rent(rest.Length); // of the keys in rest
        try
        {
            for (var place = 0; place < rest.Length; place++)
                hashes[place] = BloomFilter.Hash((byte)query.Table(rest[place]), query.Key(rest[place]).Span);
            foreach (var run in runs)
            {
                var left = 0;
                for (var place = 0; place < rest.Length; place++)
                {
                    var (index, hash) = (rest[place], hashes[place]);
                    if (!run.TryFind(query.Table(index), query.Key(index).Span, hash, ref buffer, out var hasValue, out var value))
                    {
                        (rest[left], hashes[left]) = (index, hash);
                        left++;
                    }
                    else if (hasValue)
                    {
                        query.SetValue(index, value);
                    }
                }
                rest = rest[..left];
            }
        }
        finally
        {
            ArrayPool<ulong>.Shared.Return(hashes);
            buffer.Return();
        }
    }

    public RunFile[] SnapshotRuns() => _runs;

    /// <summary>Shows what RAM has of a table, in no order; what was changed since the last flush began comes first.</summary>
    public void Visit(RecordTable table, RecordVisitor visit)
    {
        _active.Visit(table, visit);
        _frozen?.Visit(table, visit);
    }

    /// <summary>What a scan has to merge, the newest first.</summary>
    /// <param name="table">Kind of record.</param>
    /// <param name="prefix">What keys start with.</param>
    /// <param name="from">The first key wanted; has that prefix, or is it.</param>
    public List<IEnumerable<RunEntry>> SourcesFor(RecordTable table, ReadOnlyMemory<byte> prefix, ReadOnlyMemory<byte> from)
    {
        List<IEnumerable<RunEntry>> sources = [Entries(table, _active.Scan(table, prefix.Span))];
        if (_frozen is not null)
            sources.Add(Entries(table, _frozen.Scan(table, prefix.Span)));
        foreach (var run in _runs)
            sources.Add(run.ReadFrom(table, from).TakeWhile(entry => entry.Table == table && entry.Record.Key.Span.StartsWith(prefix.Span)));
        return sources;
    }

    /// <summary>Everything in a table, in order, for somebody who is done with it before the table is flushed.</summary>
    public static IEnumerable<RunEntry> AllOf(Memtable memtable)
    {
        for (var table = RecordTable.Meta; (int)table < OwnTable.Limit; table++)
        {
            foreach (var entry in memtable.InOrder(table))
                yield return new RunEntry(table, entry);
        }
    }

    private static IEnumerable<RunEntry> Entries(RecordTable table, List<MemoryEntry> entries)
    {
        foreach (var entry in entries)
            yield return new RunEntry(table, entry);
    }
}
