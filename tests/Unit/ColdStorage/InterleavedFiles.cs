using Microsoft.Win32.SafeHandles;
using TopGun.Buckets.ColdStorage.Embedded;

namespace TopGun.Buckets.Tests.Unit.ColdStorage;

/// <summary>A folder in which the next read of an op file is held back until somebody lists files, who then waits until an op file has been created.</summary>
internal sealed class InterleavedFiles(string folder) : StoreFiles(folder)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly TaskCompletionSource _isReading = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _mayRead = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _isCreated = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly HashSet<SafeFileHandle> _opFiles = [];
    private int _isArmed;

    /// <summary>From now on.</summary>
    public void Arm() => Volatile.Write(ref _isArmed, 1);

    /// <summary>Waits until a read is held back.</summary>
    public void WaitUntilReading() => Wait(_isReading.Task);

    public override IReadOnlyList<string> List(string extension)
    {
        if (_isReading.Task.IsCompleted && !_mayRead.Task.IsCompleted)
        {
            _mayRead.TrySetResult();
            Wait(_isCreated.Task);
        }
        return base.List(extension);
    }

    public override SafeFileHandle Open(string name, FileMode mode, FileAccess access)
    {
        var file = base.Open(name, mode, access);
        if (!name.EndsWith(".ops", StringComparison.Ordinal))
            return file;
        if (mode == FileMode.Open)
        {
            lock (_opFiles)
                _opFiles.Add(file);
        }
        else if (_mayRead.Task.IsCompleted)
        {
            _isCreated.TrySetResult();
        }
        return file;
    }

    protected override int ReadBytes(SafeFileHandle file, Span<byte> buffer, long offset)
    {
        bool isOpFile;
        lock (_opFiles)
            isOpFile = _opFiles.Contains(file);
        if (isOpFile && Interlocked.Exchange(ref _isArmed, 0) == 1)
        {
            _isReading.TrySetResult();
            Wait(_mayRead.Task);
        }
        return base.ReadBytes(file, buffer, offset);
    }

    private static void Wait(Task signal)
    {
        if (!signal.Wait(Patience, CancellationToken.None))
            throw new TimeoutException("The store did not come to where it was waited for.");
    }
}
