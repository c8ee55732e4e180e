namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Rows of text fragments, all of the same width, in one array.</summary>
/// <param name="width">Fragments in a row.</param>
/// <param name="capacity">How many rows are expected.</param>
internal sealed class FragmentRows(int width, int capacity) : IEqualityComparer<int>
{
    private const int FirstRoom = 4;

    private ReadOnlyMemory<byte>[] _fragments = width == 0 || capacity == 0 ? [] : new ReadOnlyMemory<byte>[width * capacity];

    public int Count { get; private set; }

    public Span<ReadOnlyMemory<byte>> this[int row] => _fragments.AsSpan(row * width, width);

    /// <summary>Adds a row, which holds anything until it is written.</summary>
    public Span<ReadOnlyMemory<byte>> Add()
    {
        if ((Count + 1) * width > _fragments.Length)
            Array.Resize(ref _fragments, Math.Max(_fragments.Length * 2, FirstRoom * width));
        return this[Count++];
    }

    public void RemoveLast() => Count--;

    /// <summary>Keeps one of equal rows, the first.</summary>
    public void RemoveRepeated()
    {
        if (Count < 2)
            return;
        var seen = new HashSet<int>(Count, this);
        var kept = 0;
        for (var row = 0; row < Count; row++)
        {
            if (row > kept)
                this[row].CopyTo(this[kept]);
            if (seen.Add(kept))
                kept++;
        }
        Count = kept;
    }

    bool IEqualityComparer<int>.Equals(int left, int right)
    {
        var first = this[left];
        var second = this[right];
        for (var index = 0; index < first.Length; index++)
        {
            if (!first[index].Span.SequenceEqual(second[index].Span))
                return false;
        }
        return true;
    }

    int IEqualityComparer<int>.GetHashCode(int row)
    {
        // Clients choose some of the texts, so the hash is one that they cannot foresee.
        var hash = new HashCode();
        foreach (var fragment in this[row])
            hash.AddBytes(fragment.Span);
        return hash.ToHashCode();
    }
}
