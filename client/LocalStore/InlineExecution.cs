namespace TopGun.Buckets.Client.LocalStore;

/// <summary>Runs everything in the caller, so that a single-threaded simulation decides the order of all that happens.</summary>
internal sealed class InlineExecution : IExecution
{
    public Task<T> OnWriterAsync<T>(Func<T> work) => Run(work);

    public Task<T> OnReaderAsync<T>(Func<T> work) => Run(work);

    public Task Start(Func<Task> loop) => loop();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static Task<T> Run<T>(Func<T> work)
    {
        try
        {
            return Task.FromResult(work());
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return Task.FromException<T>(exception);
        }
    }
}
