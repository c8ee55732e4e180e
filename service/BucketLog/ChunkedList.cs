namespace TopGun.Buckets.BucketLog;

/// <summary>A list of values that grows by pieces: millions of them never lie in RAM twice because there is no more room for one.</summary>
/// <remarks>A value never moves: a reference to it stays good, and who reads one that is there need not keep out who adds others.</remarks>
/// <param name="isLasting">Whether it stays for as long as the process: it is then made where the garbage collector moves nothing. Its values have no references.</param>
public sealed class ChunkedList<T>(bool isLasting = false)
    where T : struct
{
    private const int Bits = 9;
    private const int Size = 1 << Bits;

    private T[][] _chunks = [];

    /// <summary>Number of values.</summary>
    public int Count { get; private set; }

    /// <summary>The value at a position.</summary>
    public ref T this[int index] => ref _chunks[index >> Bits][index & (Size - 1)];

    public void Add(in T value)
    {
        var chunk = Count >> Bits;
        if (chunk == _chunks.Length)
            Array.Resize(ref _chunks, Math.Max(4, chunk * 2));
        _chunks[chunk] ??= isLasting ? GC.AllocateArray<T>(Size, pinned: true) : new T[Size];
        _chunks[chunk][Count & (Size - 1)] = value;
        Count++;
    }
}
