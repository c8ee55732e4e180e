namespace TopGun.Buckets.BucketLog;

/// <summary>A list of values that grows by pieces: millions of them never lie twice in RAM because there is no more room for one.</summary>
public sealed class ChunkedList<T>
    where T : struct
{
    private const int Bits = 13;
    private const int Size = 1 << Bits;

    private T[][] _chunks = [];

    /// <summary>Number of values.</summary>
    public int Count { get; private set; }

    /// <summary>The value at a position. A reference to it may be used until the next <see cref="Add"/>.</summary>
    public ref T this[int index] => ref _chunks[index >> Bits][index & (Size - 1)];

    public void Add(T value)
    {
        var chunk = Count >> Bits;
        if (chunk == _chunks.Length)
            Array.Resize(ref _chunks, Math.Max(4, chunk * 2));
        _chunks[chunk] ??= new T[chunk == 0 ? 64 : Size];
        if (chunk == 0 && Count == _chunks[0].Length)
            Array.Resize(ref _chunks[0], Count * 4); // the first begins small
        this[Count++] = value;
    }

    public void Clear()
    {
        _chunks = [];
        Count = 0;
    }
}
