using Microsoft.Win32.SafeHandles;
using TopGun.Buckets.ColdStorage.Embedded;
using TopGun.Buckets.ColdStorage.Embedded.Runs;

namespace TopGun.Buckets.Tests.Unit.ColdStorage;

/// <summary>The folder as a process sees it that dies at one of its writes, in the middle of it; from then on nothing it does reaches the disk.</summary>
internal sealed class DyingFiles(string folder, int lastWrite) : StoreFiles(folder)
{
    private int _writes;

    public bool IsDead => Volatile.Read(ref _writes) >= lastWrite;

    public override void Write(SafeFileHandle file, IReadOnlyList<ReadOnlyMemory<byte>> buffers, long offset)
    {
        var number = Interlocked.Increment(ref _writes);
        if (number == lastWrite)
        {
            byte[] all = [.. buffers.SelectMany(buffer => buffer.ToArray())];
            base.Write(file, [all.AsMemory(0, all.Length / 2)], offset);
        }
        if (number >= lastWrite)
            throw new IOException("The process died.");
        base.Write(file, buffers, offset);
    }

    public override void Flush(SafeFileHandle file)
    {
        ThrowIfDead();
        base.Flush(file);
    }

    public override void Delete(string name)
    {
        ThrowIfDead();
        RequireUnnamed(name);
        base.Delete(name);
    }

    public override void Truncate(SafeFileHandle file, long length)
    {
        ThrowIfDead();
        base.Truncate(file, length);
    }

    // Whatever dies next, the manifest that is on the disk now is the one that the store is opened by.
    private void RequireUnnamed(string name)
    {
        if (!Exists(Manifest.Name))
            return;
        var manifest = Manifest.Parse(ReadAll(Manifest.Name), Folder, out _);
        var isNamed = System.IO.Path.GetExtension(name) switch
        {
            RunFormat.Extension => manifest.Runs.Any(run => RunFormat.Name(run.Number) == name),
            SegmentFormat.Extension => SegmentFormat.Number(name) >= manifest.FirstSegment,
            _ => false,
        };
        if (isNamed)
            throw new InvalidOperationException($"{name} is deleted while the manifest names it.");
    }

    private void ThrowIfDead()
    {
        if (IsDead)
            throw new IOException("The process died.");
    }
}
