using System.Diagnostics.CodeAnalysis;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>A possibility before one of its sources, and how many ways lead to it.</summary>
internal sealed class FollowedRow
{
    private readonly ReadOnlyMemory<byte>[] _fragments;

    /// <param name="fragments">Copied, because they may be parts of records that change.</param>
    public FollowedRow(ReadOnlySpan<ReadOnlyMemory<byte>> fragments)
    {
        var length = 0;
        foreach (var fragment in fragments)
            length += fragment.Length;
        var bytes = new byte[length];
        _fragments = new ReadOnlyMemory<byte>[fragments.Length];
        var end = 0;
        for (var index = 0; index < fragments.Length; index++)
        {
            fragments[index].CopyTo(bytes.AsMemory(end));
            _fragments[index] = bytes.AsMemory(end, fragments[index].Length);
            end += fragments[index].Length;
        }
    }

    public ReadOnlySpan<ReadOnlyMemory<byte>> Fragments => _fragments;

    public long Count { get; set; }

    /// <summary>The count at the checkpoint before, while a change is worked out.</summary>
    public long CountBefore { get; set; }

    public bool IsTouched { get; set; }

    /// <summary>Where it waits for changes of a lookup, and its neighbours there.</summary>
    public WaitingRows? Waiting { get; set; }

    public FollowedRow? Previous { get; set; }

    public FollowedRow? Next { get; set; }
}

/// <summary>Finds rows by their fragments.</summary>
internal sealed class FollowedRowComparer : IEqualityComparer<FollowedRow>, IAlternateEqualityComparer<ReadOnlySpan<ReadOnlyMemory<byte>>, FollowedRow>
{
    public static FollowedRowComparer Instance { get; } = new();

    public bool Equals(FollowedRow? x, FollowedRow? y) => ReferenceEquals(x, y) || (x is not null && y is not null && Equals(x.Fragments, y));

    public int GetHashCode([DisallowNull] FollowedRow obj) => GetHashCode(obj.Fragments);

    public bool Equals(ReadOnlySpan<ReadOnlyMemory<byte>> alternate, FollowedRow other)
    {
        var fragments = other.Fragments;
        for (var index = 0; index < alternate.Length; index++)
        {
            if (!alternate[index].Span.SequenceEqual(fragments[index].Span))
                return false;
        }
        return true;
    }

    public int GetHashCode(ReadOnlySpan<ReadOnlyMemory<byte>> alternate)
    {
        // Clients choose some of the texts, so the hash is one that they cannot foresee.
        var hash = new HashCode();
        foreach (var fragment in alternate)
            hash.AddBytes(fragment.Span);
        return hash.ToHashCode();
    }

    public FollowedRow Create(ReadOnlySpan<ReadOnlyMemory<byte>> alternate) => new(alternate);
}

/// <summary>The possibilities of one run that look up one key in one source.</summary>
/// <param name="run">The run.</param>
/// <param name="source">Position of the source.</param>
/// <param name="key">The lookup key.</param>
internal sealed class WaitingRows(FollowedRun run, int source, string key)
{
    public FollowedRun Run => run;

    public int Source => source;

    public string Key => key;

    public FollowedRow? First { get; private set; }

    public void Add(FollowedRow row)
    {
        row.Waiting = this;
        row.Next = First;
        if (First is not null)
            First.Previous = row;
        First = row;
    }

    public void Remove(FollowedRow row)
    {
        if (row.Previous is null)
            First = row.Next;
        else
            row.Previous.Next = row.Next;
        if (row.Next is not null)
            row.Next.Previous = row.Previous;
        row.Waiting = null;
        row.Previous = row.Next = null;
    }
}
