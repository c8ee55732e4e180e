using Microsoft.Extensions.Hosting;
using TopGun.Buckets.Grid;

namespace TopGun.Buckets.Streaming;

/// <summary>Lets buckets go cold that nobody reads any more, even when nothing else happens.</summary>
internal sealed class IdleBuckets(BucketGrid grid, TimeProvider clock) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                grid.EvictIdle();
        }
        catch (OperationCanceledException)
        {
            // The service ends.
        }
    }
}
