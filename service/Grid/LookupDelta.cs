using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Grid;

/// <summary>One change of the parameter index as a subscription that watches the lookup is told of it.</summary>
/// <param name="Key">The lookup key.</param>
/// <param name="OpId">Position of the change.</param>
/// <param name="Removed">The record that went, if one did.</param>
/// <param name="Added">The record that came, if one did.</param>
public sealed record LookupDelta(string Key, OpId OpId, ReadOnlyMemory<byte>? Removed, ReadOnlyMemory<byte>? Added);

/// <summary>What changed in the lookups of one subscription since it took a checkpoint. Guarded by the grid's lock.</summary>
/// <remarks>
/// Who is told of everything can go on from where it was. Of more than <see cref="Most"/> changes nothing is kept: then looking everything up again is
/// cheaper, and a subscription whose session is busy takes bounded memory.
/// </remarks>
internal sealed class LookupDeltas
{
    public const int Most = 4096;

    private List<LookupDelta>? _deltas;
    private bool _areTooMany;

    public void Add(LookupDelta delta)
    {
        if (_areTooMany)
            return;
        _deltas ??= [];
        _deltas.Add(delta);
        if (_deltas.Count <= Most)
            return;
        _areTooMany = true;
        _deltas = null;
    }

    /// <summary>Takes out what happened up to a checkpoint; null when that is not known.</summary>
    public IReadOnlyList<LookupDelta>? TakeUpTo(OpId checkpoint)
    {
        if (_areTooMany)
            return null;
        if (_deltas is not { } deltas)
            return [];
        var taken = deltas.FindAll(delta => delta.OpId <= checkpoint);
        if (taken.Count == deltas.Count)
            _deltas = null;
        else
            deltas.RemoveAll(delta => delta.OpId <= checkpoint);
        return taken;
    }

    /// <summary>Forgets the changes of lookups that are not watched any more.</summary>
    public void Forget(IReadOnlyCollection<string> keys)
    {
        if (_deltas is null || keys.Count == 0)
            return;
        var forgotten = keys.ToHashSet(StringComparer.Ordinal);
        _deltas.RemoveAll(delta => forgotten.Contains(delta.Key));
    }

    /// <summary>Begins anew, with lookups that were all read.</summary>
    public void Clear()
    {
        _deltas = null;
        _areTooMany = false;
    }
}
