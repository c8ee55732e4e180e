using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Grid;

// Buckets whose stored log changes. What is hot stays as it was read: up to any checkpoint that can still be read, old and new say the same. Only
// joining a part read from the one to a part read from the other would lose operations, so nothing is loaded meanwhile.
public sealed partial class BucketGrid
{
    private readonly HashSet<string> _compacting = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public void Compacting(string bucket)
    {
        lock (_gate)
        {
            _compacting.Add(bucket);
            if (_entries.TryGetValue(bucket, out var entry))
                entry.Compactions++;
        }
    }

    /// <inheritdoc/>
    public void Compacted(string bucket, OpId through)
    {
        lock (_gate)
        {
            _compacting.Remove(bucket);
            if (_entries.TryGetValue(bucket, out var entry) && entry.Hot is { } hot && hot.After < through)
                MakeCold(entry);
        }
    }

    /// <summary>
    /// Whether the bucket can no longer be read at a position, because operations beyond it were needed to say what happened before. To be asked
    /// after reading. A newer checkpoint is there.
    /// </summary>
    internal bool IsOvertaken(string bucket, OpId upTo) => _directory.CompactedThrough(bucket) > upTo;
}
