namespace TopGun.Buckets.Client.Streams;

/// <summary>The handles that the app holds on each subscription.</summary>
/// <remarks>Taken and released by the app's threads, read by synchronisation.</remarks>
internal sealed class StreamHandles
{
    private readonly Lock _gate = new();
    private readonly Dictionary<StreamKey, HashSet<StreamSubscription>> _held = [];

    public void Take(StreamKey key, StreamSubscription handle)
    {
        lock (_gate)
        {
            if (!_held.TryGetValue(key, out var handles))
                _held[key] = handles = [];
            handles.Add(handle);
        }
    }

    /// <returns>Whether it was the last one.</returns>
    public bool Release(StreamKey key, StreamSubscription handle)
    {
        lock (_gate)
        {
            if (!_held.TryGetValue(key, out var handles) || !handles.Remove(handle) || handles.Count > 0)
                return false;
            _held.Remove(key);
            return true;
        }
    }

    /// <summary>Takes all handles on a subscription out of force.</summary>
    public void Void(StreamKey key)
    {
        lock (_gate)
            _held.Remove(key);
    }

    /// <summary>Takes all handles out of force.</summary>
    public void VoidAll()
    {
        lock (_gate)
            _held.Clear();
    }

    public bool IsEmpty
    {
        get
        {
            lock (_gate)
                return _held.Count == 0;
        }
    }

    public bool IsHeld(StreamKey key)
    {
        lock (_gate)
            return _held.ContainsKey(key);
    }
}
