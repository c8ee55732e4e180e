using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Sharing;

/// <summary>Of the clients that have one file open, lets one synchronise it. When it leaves or dies, another takes its place.</summary>
/// <remarks>
/// A lock of the operating system, not a lease in the database: nobody has to renew it, a dead process cannot hold it, and a process that
/// was merely stopped for a while cannot wake up to find itself the second one.
/// </remarks>
internal sealed class SyncLead(LocalDatabase local, TimeProvider time) : IDisposable
{
    /// <summary>Time after which one who waits tries again; a look costs a few microseconds.</summary>
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);

    private FileLock? _held;

    public bool IsHeld => Volatile.Read(ref _held) is not null;

    /// <returns>False when another client has it.</returns>
    public bool TryTake()
    {
        Volatile.Write(ref _held, FileLock.TryTake(local.File + "-lead"));
        return IsHeld;
    }

    /// <summary>Waits until it is this client's turn.</summary>
    public async Task TakeAsync(CancellationToken cancellationToken)
    {
        while (!TryTake())
            await Task.Delay(Retry, time, cancellationToken);
    }

    public void Dispose() => Interlocked.Exchange(ref _held, null)?.Dispose();
}
