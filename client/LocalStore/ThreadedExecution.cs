using System.Collections.Concurrent;

namespace TopGun.Buckets.Client.LocalStore;

/// <summary>One dedicated thread for the writing connection, pool threads for readers and loops.</summary>
internal sealed class ThreadedExecution : IExecution
{
    // The writer slot admits one piece of work at a time; the room beyond that is for hand-overs.
    private readonly BlockingCollection<Action> _work = new(boundedCapacity: 16);
    private readonly Thread _writer;

    public ThreadedExecution()
    {
        _writer = new Thread(RunWriter) { IsBackground = true, Name = "TopGun.Buckets writer" };
        _writer.Start();
    }

    public Task<T> OnWriterAsync<T>(Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception exception) when (exception is not OutOfMemoryException)
            {
                done.SetException(exception);
            }
        });
        return done.Task;
    }

    public Task<T> OnReaderAsync<T>(Func<T> work) => Task.Run(work);

    public Task Start(Func<Task> loop) => Task.Run(loop);

    public ValueTask DisposeAsync()
    {
        _work.CompleteAdding();
        if (Thread.CurrentThread != _writer)
            _writer.Join();
        _work.Dispose();
        return ValueTask.CompletedTask;
    }

    private void RunWriter()
    {
        foreach (var work in _work.GetConsumingEnumerable())
            work();
    }
}
