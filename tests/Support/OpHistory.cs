namespace TopGun.Buckets.Tests.Support;

/// <summary>Every operation that any client was ever sent: a number denotes one content, for ever and for everybody.</summary>
public sealed class OpHistory
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Bucket, ulong OpId), string> _contents = [];

    /// <summary>Number of different operations seen.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _contents.Count;
        }
    }

    /// <summary>Notes an operation; false when the same number was seen with another content.</summary>
    public bool TryAdd(string bucket, ulong opId, string content)
    {
        lock (_gate)
            return _contents.TryAdd((bucket, opId), content) || _contents[(bucket, opId)] == content;
    }
}
