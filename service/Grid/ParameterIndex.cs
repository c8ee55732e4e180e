using System.Text;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Grid;

/// <summary>The parameter index: lookup key → results, as of any checkpoint that is still in use. Guarded by the grid's lock.</summary>
internal sealed class ParameterIndex
{
    private const int Stack = 256; // bytes of usual keys and entries

    private readonly HashSet<LookupResults> _results;
    private readonly HashSet<LookupResults>.AlternateLookup<ReadOnlySpan<byte>> _byKey;
    private readonly Queue<(LookupResults Results, OpId Ended)> _ended = [];

    public ParameterIndex()
    {
        _results = new HashSet<LookupResults>(new ByKey());
        _byKey = _results.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    /// <summary>Number of lookup keys.</summary>
    public int Count => _results.Count;

    /// <summary>Reads everything the store holds.</summary>
    public async ValueTask LoadAsync(IColdStorage storage, CancellationToken cancellationToken)
    {
        await foreach (var stored in storage.ScanAsync(RecordTable.Lookup, ReadOnlyMemory<byte>.Empty, cancellationToken))
            Load(stored);
    }

    /// <summary>Makes a change and gives the record that stood in its place, if one did.</summary>
    public ReadOnlyMemory<byte>? Apply(LookupChange change)
    {
        Span<byte> stack = stackalloc byte[2 * Stack];
        var key = Utf8(change.Key, stack[..Stack]);
        if (!_byKey.TryGetValue(key, out var results))
        {
            if (change.Record is null)
                return null;
            _results.Add(results = new LookupResults(key));
        }
        var before = results.Apply(Utf8(change.Entry, stack[Stack..]), change.OpId, change.Record);
        if (before is not null)
            _ended.Enqueue((results, change.OpId));
        return before;
    }

    /// <summary>Adds the records under a key as of a checkpoint, in the order of their entries.</summary>
    public void Find(string key, OpId at, List<ReadOnlyMemory<byte>> records) => Find(key)?.Find(at, records);

    /// <summary>What changed under a key after a checkpoint that is in use, in any order.</summary>
    public IReadOnlyList<LookupDelta> ChangesOf(string key, OpId after) =>
        Find(key) is { } results && results.LastChange > after ? results.ChangesAfter(after, key) : [];

    /// <summary>Forgets what no reader at <paramref name="oldest"/> or later can see.</summary>
    public void Forget(OpId oldest)
    {
        while (_ended.TryPeek(out var ended) && ended.Ended <= oldest)
        {
            _ended.Dequeue();
            if (ended.Results.Forget(oldest))
                _results.Remove(ended.Results);
        }
    }

    public void Clear()
    {
        _results.Clear();
        _ended.Clear();
    }

    private void Load(StoredRecord stored)
    {
        var (key, entry) = LookupRecord.Split(stored.Key.Span);
        if (!_byKey.TryGetValue(key, out var results))
            _results.Add(results = new LookupResults(key));
        results.Apply(entry, LookupRecord.OpIdOf(stored), LookupRecord.RecordOf(stored));
    }

    private LookupResults? Find(string key)
    {
        Span<byte> stack = stackalloc byte[Stack];
        return _byKey.TryGetValue(Utf8(key, stack), out var results) ? results : null;
    }

    private static ReadOnlySpan<byte> Utf8(string text, Span<byte> stack) =>
        Encoding.UTF8.TryGetBytes(text, stack, out var length) ? stack[..length] : Encoding.UTF8.GetBytes(text);

    /// <summary>Lookup keys hold what users send, so their hashes differ from process to process.</summary>
    private sealed class ByKey : IEqualityComparer<LookupResults>, IAlternateEqualityComparer<ReadOnlySpan<byte>, LookupResults>
    {
        public bool Equals(LookupResults? x, LookupResults? y) => ReferenceEquals(x, y) || (x is not null && y is not null && x.Key.SequenceEqual(y.Key));

        public bool Equals(ReadOnlySpan<byte> alternate, LookupResults other) => other.Key.SequenceEqual(alternate);

        public int GetHashCode(LookupResults obj) => GetHashCode(obj.Key);

        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = default(HashCode);
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public LookupResults Create(ReadOnlySpan<byte> alternate) => new(alternate);
    }
}
