using System.Runtime.InteropServices;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>The lookups of one request: each key once, whoever asks for it.</summary>
internal sealed class RequestLookups
{
    private readonly Dictionary<string, RequestLookup> _byKey = new(StringComparer.Ordinal);
    private int _stage;

    /// <summary>Keys that were pending at some time.</summary>
    public IReadOnlyCollection<string> Watched =>
        [.. _byKey.Values.Where(lookup => lookup.Stage > 0).Select(lookup => lookup.Key).Order(StringComparer.Ordinal)];

    public RequestLookup this[string key] => _byKey[key];

    /// <summary>The lookup of a key, which may be known already.</summary>
    /// <param name="key">The key.</param>
    /// <param name="definition">Who needs it.</param>
    public RequestLookup Of(string key, string definition)
    {
        ref var lookup = ref CollectionsMarshal.GetValueRefOrAddDefault(_byKey, key, out _);
        return lookup ??= new RequestLookup(key, definition);
    }

    /// <summary>What the runs need next, each lookup once.</summary>
    public List<RequestLookup> CollectPending(List<ResolutionRun> runs)
    {
        _stage++;
        var pending = new List<RequestLookup>();
        foreach (var run in runs)
        {
            foreach (var lookup in run.Pending)
            {
                if (lookup is null || lookup.Stage == _stage)
                    continue;
                lookup.Stage = _stage;
                pending.Add(lookup);
            }
        }
        return pending;
    }
}

/// <summary>A lookup that some run of a request needs.</summary>
/// <param name="key">Its key.</param>
/// <param name="definition">Whose run was the first.</param>
internal sealed class RequestLookup(string key, string definition)
{
    private IReadOnlyList<ReadOnlyMemory<byte>>? _records;

    public string Key => key;

    public string Definition => definition;

    /// <summary>The last stage that it was pending in, from 1.</summary>
    public int Stage { get; set; }

    public IReadOnlyList<ReadOnlyMemory<byte>> Records
    {
        get => _records ?? throw new InvalidOperationException($"The records of lookup '{key}' were not supplied.");
        set => _records = value;
    }
}
