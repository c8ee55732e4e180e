namespace TopGun.Buckets.BucketLog.Compaction;

/// <summary>Bounds how fast rows are sent again that did not change. One caller.</summary>
internal sealed class RedownloadBudget(long bytesPerSecond, TimeProvider time)
{
    private static readonly TimeSpan LongestDebt = TimeSpan.FromDays(1);

    private DateTimeOffset _paidAt; // when what was sent so far is paid for

    /// <summary>Waits until everything sent so far is paid for.</summary>
    public async ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        if (_paidAt - time.GetUtcNow() is var debt && debt > TimeSpan.Zero)
            await Task.Delay(debt < LongestDebt ? debt : LongestDebt, time, cancellationToken);
    }

    public void Spend(long bytes)
    {
        var now = time.GetUtcNow();
        var start = _paidAt > now && _paidAt - now < LongestDebt ? _paidAt : now; // a clock that is set back owes nothing
        _paidAt = start + TimeSpan.FromSeconds((double)bytes / Math.Max(bytesPerSecond, 1));
    }
}
