using System.Runtime.InteropServices;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>A set of byte strings in order of insertion, cleared and reused from row to row.</summary>
internal sealed class NameSet
{
    // Up to here comparing with every name is cheaper than hashing.
    private const int MaxLinear = 16;

    private readonly ByteBuffer _bytes = new();
    private readonly List<(int Start, int Length)> _names = [];
    private readonly Dictionary<int, int> _newestByHash = [];
    private readonly List<int> _olderOfHash = []; // by index: the name before it with the same hash, or −1; nothing is allocated per row

    public int Count => _names.Count;

    public ReadOnlySpan<byte> this[int index] => _bytes.Slice(_names[index].Start, _names[index].Length);

    public void Clear()
    {
        _bytes.Clear();
        _names.Clear();
        ForgetIndex();
    }

    /// <summary>Forgets the names after the first <paramref name="count"/>.</summary>
    public void Truncate(int count)
    {
        if (count == _names.Count)
            return;
        _bytes.Truncate(_names[count].Start);
        _names.RemoveRange(count, _names.Count - count);
        ForgetIndex();
    }

    /// <summary>Where the next name is written, before <see cref="Commit"/>.</summary>
    public ByteBuffer Begin() => _bytes;

    /// <summary>Adds what was written since the last name, unless it is there already.</summary>
    /// <param name="isNew">It is known not to be there.</param>
    public bool Commit(bool isNew = false)
    {
        var start = _names.Count == 0 ? 0 : _names[^1].Start + _names[^1].Length;
        if (!isNew && Contains(_bytes.Written[start..]))
        {
            _bytes.Truncate(start);
            return false;
        }
        _names.Add((start, _bytes.Length - start));
        return true;
    }

    private bool Contains(ReadOnlySpan<byte> name)
    {
        if (_names.Count <= MaxLinear)
        {
            for (var index = 0; index < _names.Count; index++)
            {
                if (this[index].SequenceEqual(name))
                    return true;
            }
            return false;
        }
        while (_olderOfHash.Count < _names.Count)
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
