using System.IO.Pipelines;
using TopGun.Buckets.Client;
using TopGun.Buckets.Tests.Simulation.Checkers;

namespace TopGun.Buckets.Tests.Simulation.Net;

/// <summary>One client's way to the service.</summary>
internal sealed class SimTransport(World world, string client, string user) : ISyncTransport
{
    private SimLink? _link;
    private int _connections;

    /// <summary>Breaks the stream that is open, if any.</summary>
    public void Cut() => _link?.Cut();

    /// <summary>From now on nothing arrives over the stream that is open, and nobody is told.</summary>
    public void Kill() => _link?.Kill();

    public async Task<PipeReader> OpenStreamAsync(
        ReadOnlyMemory<byte> request, SyncCredentials credentials, CancellationToken cancellationToken)
    {
        var body = request.ToArray();
        await TravelAsync(cancellationToken);
        var checker = new WireChecker(world, user, $"{client}/{++_connections}");
        checker.OnRequest(body);
        var link = new SimLink(world.Loop, world.NetFaults, checker.OnBytes);
        _link = link;
        world.Service.Accept(user, body, link);
        await TravelAsync(cancellationToken);
        return link.Reader;
    }

    public async Task<ulong> RequestWriteCheckpointAsync(
        string clientId, SyncCredentials credentials, CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        var answer = world.Service.RequestWriteCheckpoint(user, clientId);
        ulong id;
        using (cancellationToken.Register(() => answer.TrySetCanceled(cancellationToken)))
            id = await answer.Task;
        await TravelAsync(cancellationToken);
        return id;
    }

    private async Task TravelAsync(CancellationToken cancellationToken)
    {
        await world.Loop.Delay(world.NetFaults.Latency(), "network", cancellationToken);
        if (world.NetFaults.IsDown || !world.Service.IsServing)
            throw new TransportException("The sync service refused the connection.");
    }
}
