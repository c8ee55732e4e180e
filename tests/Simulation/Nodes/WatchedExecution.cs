using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Tests.Simulation.Nodes;

/// <summary>Runs everything in the caller, and counts what may have changed the device's file.</summary>
internal sealed class WatchedExecution : IExecution
{
    private readonly InlineExecution _inline = new();

    /// <summary>How often the writing connection was used.</summary>
    public int Writes { get; private set; }

    public Task<T> OnWriterAsync<T>(Func<T> work)
    {
        Writes++;
        return _inline.OnWriterAsync(work);
    }

    public Task<T> OnReaderAsync<T>(Func<T> work) => _inline.OnReaderAsync(work);

    public Task Start(Func<Task> loop) => _inline.Start(loop);

    public ValueTask DisposeAsync() => _inline.DisposeAsync();
}
