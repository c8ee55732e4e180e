namespace TopGun.Buckets.Tests.Simulation.Checkers;

/// <summary>What was seen of one bucket.</summary>
internal sealed class SeenLog
{
    private readonly SortedList<ulong, SeenOp> _ops = [];
    private ulong _summedAfter;
    private ulong _summedUpTo;
    private int _summed; // index behind the last operation of the sum
    private uint _sum;

    /// <summary>The last operation seen, or 0.</summary>
    public ulong Last => _ops.Count == 0 ? 0 : _ops.GetKeyAtIndex(_ops.Count - 1);

    public bool TryGet(ulong opId, out SeenOp seen) => _ops.TryGetValue(opId, out seen);

    public void Add(ulong opId, SeenOp seen)
    {
        _ops.Add(opId, seen);
        if (opId <= _summedUpTo)
            Forget();
    }

    public void RemoveLast()
    {
        _ops.RemoveAt(_ops.Count - 1);
        Forget();
    }

    /// <summary>Checksum of the operations after one position and up to another. The next sum mostly goes on where the last one ended.</summary>
    public uint Sum(ulong after, ulong upTo)
    {
        if (after != _summedAfter || upTo < _summedUpTo)
        {
            Forget();
            _summedAfter = after;
        }
        _summedUpTo = upTo;
        for (; _summed < _ops.Count && _ops.GetKeyAtIndex(_summed) <= upTo; _summed++)
        {
            if (_ops.GetKeyAtIndex(_summed) > after)
                _sum = unchecked(_sum + _ops.GetValueAtIndex(_summed).Checksum);
        }
        return _sum;
    }

    private void Forget() => (_summed, _sum, _summedUpTo) = (0, 0, 0);
}

/// <summary>What an operation was when it was first seen.</summary>
internal readonly record struct SeenOp(uint Checksum, ulong Content);
