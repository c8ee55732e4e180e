namespace TopGun.Buckets.Client.Streams;

/// <summary>Counts the handles that the app holds on each subscription.</summary>
/// <remarks>Taken and released by the app's threads, read by synchronisation.</remarks>
internal sealed class StreamHandles
{
    private readonly Lock _gate = new();
    private readonly Dictionary<StreamKey, int> _counts = [];

    public void Take(StreamKey key)
    {
        lock (_gate)
            _counts[key] = _counts.GetValueOrDefault(key) + 1;
    }

    /// <returns>Whether it was the last one.</returns>
    public bool Release(StreamKey key)
    {
        lock (_gate)
        {
            if (!_counts.TryGetValue(key, out var count))
                return false;
            if (count > 1)
                _counts[key] = count - 1;
            else
                _counts.Remove(key);
            return count == 1;
        }
    }

    public bool IsHeld(StreamKey key)
    {
        lock (_gate)
            return _counts.ContainsKey(key);
    }
}
