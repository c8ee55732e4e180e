namespace TopGun.Buckets.Client.Sharing;

/// <summary>
/// Lets an app's write in one process go between two batches of another process that synchronises, as it does within one process. SQLite's
/// own lock knows no order: whoever writes batch after batch would have it again before the one who waits has looked.
/// </summary>
internal sealed class WriteTurn(string file)
{
    /// <summary>Longest that synchronisation steps aside for one batch: who waits may wait for a third.</summary>
    private const int LongestMilliseconds = 250;

    private readonly string _path = file + "-turn";

    /// <summary>Says that an app's write waits, until disposed. Null when another one says so already.</summary>
    public IDisposable? Ask() => FileLock.TryTake(_path);

    /// <summary>Waits while an app's write waits in another process.</summary>
    public async ValueTask GiveAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        if (!File.Exists(_path))
            return; // nobody ever had to wait
        for (var waited = 0; waited < LongestMilliseconds; waited++)
        {
            if (FileLock.TryTake(_path) is { } free)
            {
                free.Dispose();
                return;
            }
            await Task.Delay(TimeSpan.FromMilliseconds(1), time, cancellationToken);
        }
    }
}
