using System.Numerics;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>Memory of batches, for the next ones when those are durable. Rented by the thread that evaluates, given back by the store writer.</summary>
/// <remarks>
/// Thousands of small batches wait for the store together and come back together, of which the shared pools would keep a few dozen.
/// </remarks>
internal sealed class BatchMemory
{
    public Arrays<byte> Fragments { get; } = new(keep: 16 << 20);

    public Arrays<BucketOp> Ops { get; } = new(keep: 1 << 17);

    /// <summary>Arrays of powers of two.</summary>
    /// <param name="keep">Elements at most that wait to be used again.</param>
    internal sealed class Arrays<T>(int keep)
    {
        private const int SmallestLog = 4;
        private const int LargestLog = 20; // larger ones are rare

        private readonly Lock _gate = new();
        private readonly Stack<T[]>[] _free = [.. Enumerable.Range(0, LargestLog + 1).Select(_ => new Stack<T[]>())];
        private int _kept;

        public T[] Rent(int length)
        {
            var log = Math.Max(BitOperations.Log2((uint)Math.Max(length - 1, 1)) + 1, SmallestLog);
            if (log > LargestLog)
                return GC.AllocateUninitializedArray<T>(length);
            lock (_gate)
            {
                if (_free[log].TryPop(out var array))
                {
                    _kept -= array.Length;
                    return array;
                }
            }
            return GC.AllocateUninitializedArray<T>(1 << log);
        }

        public void Return(T[] array)
        {
            lock (_gate)
            {
                if (!BitOperations.IsPow2(array.Length) || array.Length > 1 << LargestLog || _kept + array.Length > keep)
                    return;
                _kept += array.Length;
                _free[BitOperations.Log2((uint)array.Length)].Push(array);
            }
        }
    }
}
