using Microsoft.Win32.SafeHandles;
using TopGun.Buckets.ColdStorage.Embedded;

namespace TopGun.Buckets.Tests.Unit.ColdStorage;

/// <summary>A folder on a disk that fills up or fails on demand.</summary>
internal sealed class FaultyFiles(string folder) : StoreFiles(folder)
{
    private int _readCount;

    /// <summary>Bytes that can still be written; a write that exceeds them writes what fits, as a real disk does.</summary>
    public long Room { get; set; } = long.MaxValue;

    public bool FailsFlush { get; set; }

    public bool FailsWrite { get; set; }

    public bool FailsRead { get; set; }

    /// <summary>Whether the process has no file handle left.</summary>
    public bool FailsOpen { get; set; }

    public int FlushCount { get; private set; }

    public int ReadCount => Volatile.Read(ref _readCount);

    public override void Write(SafeFileHandle file, IReadOnlyList<ReadOnlyMemory<byte>> buffers, long offset)
    {
        if (FailsWrite)
            throw new IOException("Input/output error", 5);
        var length = buffers.Sum(buffer => (long)buffer.Length);
        if (length > Room)
        {
            byte[] fits = [.. buffers.SelectMany(buffer => buffer.ToArray()).Take((int)Room)];
            base.Write(file, [fits], offset);
            Room = 0;
            throw new IOException("No space left on device", 28);
        }
        Room -= length;
        base.Write(file, buffers, offset);
    }

    public override SafeFileHandle Open(string name, FileMode mode, FileAccess access) =>
        FailsOpen ? throw new IOException("Too many open files", 24) : base.Open(name, mode, access);

    protected override int ReadBytes(SafeFileHandle file, Span<byte> buffer, long offset)
    {
        Interlocked.Increment(ref _readCount);
        if (FailsRead)
            throw new IOException("Input/output error", 5);
        return base.ReadBytes(file, buffer, offset);
    }

    public override void Flush(SafeFileHandle file)
    {
        FlushCount++;
        if (FailsFlush)
            throw new IOException("Input/output error", 5);
        base.Flush(file);
    }
}
