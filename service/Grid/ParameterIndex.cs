using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Grid;

/// <summary>The parameter index: lookup key → results, as of any checkpoint that is still in use. Guarded by the grid's lock.</summary>
internal sealed class ParameterIndex
{
    private readonly Dictionary<string, Results> _results = new(StringComparer.Ordinal);
    private readonly Queue<(string Key, OpId Ended)> _ended = [];

    /// <summary>Number of lookup keys.</summary>
    public int Count => _results.Count;

    /// <summary>Reads everything the store holds.</summary>
    public async ValueTask LoadAsync(IColdStorage storage, CancellationToken cancellationToken)
    {
        await foreach (var stored in storage.ScanAsync(RecordTable.Lookup, ReadOnlyMemory<byte>.Empty, cancellationToken))
        {
            var entry = LookupRecord.Read(stored);
            Apply(new LookupChange(entry.Key, entry.Entry, entry.OpId, entry.Record.ToArray()));
        }
    }

    /// <summary>Makes a change and gives the record that stood in its place, if one did.</summary>
    public ReadOnlyMemory<byte>? Apply(LookupChange change)
    {
        if (!_results.TryGetValue(change.Key, out var results))
        {
            if (change.Record is null)
                return null;
            _results.Add(change.Key, results = new Results());
        }
        var before = results.Apply(change);
        if (before is not null)
            _ended.Enqueue((change.Key, change.OpId));
        return before;
    }

    /// <summary>Adds the records under a key as of a checkpoint, in the order of their entries.</summary>
    public void Find(string key, OpId at, List<ReadOnlyMemory<byte>> records)
    {
        if (_results.TryGetValue(key, out var results))
            results.Find(at, records);
    }

    /// <summary>What changed under a key after a checkpoint that is in use, in any order.</summary>
    public IEnumerable<LookupDelta> ChangesOf(string key, OpId after) =>
        _results.TryGetValue(key, out var results) && results.LastChange > after ? results.ChangesAfter(after, key) : [];

    /// <summary>Forgets what no reader at <paramref name="oldest"/> or later can see.</summary>
    public void Forget(OpId oldest)
    {
        while (_ended.TryPeek(out var ended) && ended.Ended <= oldest)
        {
            _ended.Dequeue();
            if (_results.TryGetValue(ended.Key, out var results) && results.Forget(oldest))
                _results.Remove(ended.Key);
        }
    }

    public void Clear()
    {
        _results.Clear();
        _ended.Clear();
    }

    /// <summary>The results of one lookup key.</summary>
    private sealed class Results
    {
        private readonly List<Result> _live = []; // by entry
        private List<Result>? _past; // by the end of their time

        public OpId LastChange { get; private set; }

        /// <summary>Makes the change and gives the record whose time it ended, if there was one.</summary>
        public ReadOnlyMemory<byte>? Apply(LookupChange change)
        {
            LastChange = change.OpId;
            var index = IndexOf(change.Entry);
            var ends = index >= 0;
            var before = ends ? _live[index].Record : (ReadOnlyMemory<byte>?)null;
            if (ends)
                (_past ??= []).Add(_live[index] with { To = change.OpId });
            if (change.Record is { } record)
            {
                var result = new Result(change.Entry, change.OpId, new OpId(long.MaxValue), record);
                if (ends)
                    _live[index] = result;
                else
                    _live.Insert(~index, result);
            }
            else if (ends)
            {
                _live.RemoveAt(index);
            }
            return before;
        }

        public IEnumerable<LookupDelta> ChangesAfter(OpId after, string key)
        {
            var past = _past ?? [];
            return past.Where(result => result.To > after).Select(result => new LookupDelta(key, result.To, result.Record, null))
                .Concat(past.Concat(_live).Where(result => result.From > after).Select(result => new LookupDelta(key, result.From, null, result.Record)));
        }

        public void Find(OpId at, List<ReadOnlyMemory<byte>> records)
        {
            var past = _past is null ? [] : _past.FindAll(result => result.From <= at && at < result.To);
            if (past.Count == 0 && LastChange <= at)
            {
                foreach (var result in _live)
                    records.Add(result.Record);
                return;
            }
            past.AddRange(_live.Where(result => result.From <= at));
            past.Sort((left, right) => string.CompareOrdinal(left.Entry, right.Entry));
            records.AddRange(past.Select(result => result.Record));
        }

        /// <summary>Drops what ended up to <paramref name="oldest"/>; true when nothing is left.</summary>
        public bool Forget(OpId oldest)
        {
            if (_past is not null)
            {
                var kept = _past.FindIndex(result => result.To > oldest);
                _past.RemoveRange(0, kept < 0 ? _past.Count : kept);
                if (_past.Count == 0)
                    _past = null;
            }
            return _past is null && _live.Count == 0;
        }

        private int IndexOf(string entry)
        {
            // Rows mostly come in the order of their keys, so the end is tried first.
            if (_live.Count == 0 || string.CompareOrdinal(_live[^1].Entry, entry) < 0)
                return ~_live.Count;
            var (low, high) = (0, _live.Count - 1);
            while (low <= high)
            {
                var middle = (low + high) / 2;
                var order = string.CompareOrdinal(_live[middle].Entry, entry);
                if (order == 0)
                    return middle;
                if (order < 0)
                    low = middle + 1;
                else
                    high = middle - 1;
            }
            return ~low;
        }
    }

    private readonly record struct Result(string Entry, OpId From, OpId To, ReadOnlyMemory<byte> Record);
}
