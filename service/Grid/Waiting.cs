namespace TopGun.Buckets.Grid;

/// <summary>Waits that can be given up.</summary>
internal static class Waiting
{
    /// <summary>Waits for a task or for cancellation, whichever comes first; the task goes on.</summary>
    /// <remarks>
    /// Like <c>Task.WaitAsync</c>, but it goes on in the caller's synchronization context whatever completes the task, so that a simulation can run it.
    /// </remarks>
    public static async ValueTask OrCancelledAsync(this Task task, CancellationToken cancellationToken)
    {
        if (task.IsCompleted || !cancellationToken.CanBeCanceled)
        {
            await task;
            return;
        }
        var either = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = cancellationToken.UnsafeRegister(
            static (waiter, cancelled) => ((TaskCompletionSource)waiter!).TrySetCanceled(cancelled), either);
        _ = ForwardAsync(task, either);
        await either.Task;
    }

    private static async Task ForwardAsync(Task task, TaskCompletionSource to)
    {
        try
        {
            await task;
            to.TrySetResult();
        }
        catch (OperationCanceledException exception)
        {
            to.TrySetCanceled(exception.CancellationToken);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            to.TrySetException(exception);
        }
    }
}
