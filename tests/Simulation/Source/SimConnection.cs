using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Tests.Simulation.Source;

/// <summary>A connection to the source that may break at any moment.</summary>
internal abstract class SimConnection(SimPostgres server) : IAsyncDisposable
{
    private readonly CancellationTokenSource _cut = new();

    protected SimPostgres Server { get; } = server;

    protected bool IsCut { get; private set; }

    public virtual void Cut()
    {
        IsCut = true;
        _cut.Cancel();
    }

    public ValueTask DisposeAsync()
    {
        if (!IsCut)
        {
            Cut();
            Server.Forget(this);
        }
        return ValueTask.CompletedTask;
    }

    /// <summary>The way to the server, or back: takes time, and fails when the connection breaks meanwhile.</summary>
    protected async Task TravelAsync(CancellationToken cancellationToken)
    {
        ThrowIfCut();
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _cut.Token);
        try
        {
            await Server.Loop.Delay(Server.Latency.Query(Server.Random), "wire", both.Token);
        }
        catch (OperationCanceledException) when (IsCut && !cancellationToken.IsCancellationRequested)
        {
            throw Broken();
        }
        ThrowIfCut();
    }

    protected void ThrowIfCut()
    {
        if (IsCut)
            throw Broken();
    }

    protected static BucketsException Broken() =>
        new("TGB1101", "The connection to the source was lost.", "It is opened again.");
}
