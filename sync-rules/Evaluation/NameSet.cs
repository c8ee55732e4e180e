using System.Runtime.InteropServices;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>A set of byte strings in order of insertion, cleared and reused from row to row.</summary>
internal sealed class NameSet
{
    // Up to here comparing with every name is cheaper than hashing.
    private const int MaxLinear = 16;

    private readonly ByteBuffer _bytes = new();
    private readonly List<int> _ends = []; // by index: where the name ends, and the next one begins
    private readonly Dictionary<int, int> _newestByHash = [];
    private readonly List<int> _olderOfHash = []; // by index: the name before it with the same hash, or −1; nothing is allocated per row

    public int Count => _ends.Count;

    public ReadOnlySpan<byte> this[int index] => _bytes.Slice(StartOf(index), _ends[index] - StartOf(index));

    public void Clear()
    {
        _bytes.Clear();
        _ends.Clear();
        ForgetIndex();
    }

    /// <summary>Forgets the names after the first <paramref name="count"/>.</summary>
    public void Truncate(int count)
    {
        if (count == _ends.Count)
            return;
        _ends.RemoveRange(count, _ends.Count - count);
        ForgetIndex();
    }

    /// <summary>Where the next name is written, before <see cref="Commit"/>; one that was begun and not committed is forgotten.</summary>
    public ByteBuffer Begin()
    {
        _bytes.Truncate(StartOf(_ends.Count));
        return _bytes;
    }

    /// <summary>Adds what was written since the last name, unless it is there already.</summary>
    /// <param name="isNew">It is known not to be there.</param>
    public bool Commit(bool isNew = false)
    {
        if (!isNew && Contains(_bytes.Written[StartOf(_ends.Count)..]))
            return false;
        _ends.Add(_bytes.Length);
        return true;
    }

    private int StartOf(int index) => index == 0 ? 0 : _ends[index - 1];

    private bool Contains(ReadOnlySpan<byte> name)
    {
        if (_ends.Count <= MaxLinear)
        {
            for (var index = 0; index < _ends.Count; index++)
            {
                if (this[index].SequenceEqual(name))
                    return true;
            }
            return false;
        }
        while (_olderOfHash.Count < _ends.Count)
            Index(_olderOfHash.Count);
        for (var index = _newestByHash.GetValueOrDefault(Hash(name), -1); index >= 0; index = _olderOfHash[index])
        {
            if (this[index].SequenceEqual(name))
                return true;
        }
        return false;
    }

    /// <summary>Makes a name findable; names come in ascending order of their index.</summary>
    private void Index(int index)
    {
        ref var newest = ref CollectionsMarshal.GetValueRefOrAddDefault(_newestByHash, Hash(this[index]), out var exists);
        _olderOfHash.Add(exists ? newest : -1);
        newest = index;
    }

    private void ForgetIndex()
    {
        if (_olderOfHash.Count == 0)
            return;
        _newestByHash.Clear();
        _olderOfHash.Clear();
    }

    // FNV-1a. Only tells candidates apart; the order of names is that of insertion.
    private static int Hash(ReadOnlySpan<byte> bytes)
    {
        var hash = 2166136261u;
        foreach (var value in bytes)
            hash = unchecked((hash ^ value) * 16777619u);
        return unchecked((int)hash);
    }
}
