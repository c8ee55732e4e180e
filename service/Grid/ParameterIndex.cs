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

    public void Apply(LookupChange change)
    {
        if (!_results.TryGetValue(change.Key, out var results))
        {
            if (change.Record is null)
                return;
            _results.Add(change.Key, results = new Results());
        }
        if (results.Apply(change))
            _ended.Enqueue((change.Key, change.OpId));
    }

    /// <summary>Adds the records under a key as of a checkpoint, in the order of their entries.</summary>
    public void Find(string key, OpId at, List<ReadOnlyMemory<byte>> records)
    {
        if (_results.TryGetValue(key, out var results))
            results.Find(at, records);
    }

    /// <summary>Position of the last change of a key that is remembered.</summary>
    public OpId LastChangeOf(string key) => _results.TryGetValue(key, out var results) ? results.LastChange : OpId.None;

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

        /// <summary>Makes the change and tells whether it ended the time of an earlier result.</summary>
        public bool Apply(LookupChange change)
        {
            LastChange = change.OpId;
            var index = IndexOf(change.Entry);
            var ends = index >= 0;
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
            return ends;
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
