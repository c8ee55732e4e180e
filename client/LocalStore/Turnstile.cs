namespace TopGun.Buckets.Client.LocalStore;

/// <summary>Who goes first when several wait.</summary>
internal enum Lane
{
    /// <summary>The app: somebody waits for it.</summary>
    App,

    /// <summary>Synchronisation: between two of its batches, waiting app writes run.</summary>
    Sync,
}

/// <summary>Lets a number of callers in at a time; the app's lane goes first, each lane in order of arrival.</summary>
/// <remarks>
/// Unlike a semaphore of the framework, it completes waits from the thread that leaves, so that a single-threaded simulation decides what
/// runs when.
/// </remarks>
internal sealed class Turnstile(int places)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<TaskCompletionSource> _app = new();
    private readonly LinkedList<TaskCompletionSource> _sync = new();
    private int _free = places;

    /// <summary>Waits for the turn. Whoever gets it calls <see cref="Release"/>.</summary>
    public async ValueTask AcquireAsync(Lane lane, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var queue = lane == Lane.App ? _app : _sync;
        LinkedListNode<TaskCompletionSource> node;
        lock (_gate)
        {
            if (_free > 0)
            {
                _free--;
                return;
            }
            node = queue.AddLast(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }
        using var registration = cancellationToken.Register(() => Withdraw(queue, node, cancellationToken));
        await node.Value.Task;
    }

    public void Release()
    {
        TaskCompletionSource? next;
        lock (_gate)
        {
            next = Dequeue(_app) ?? Dequeue(_sync);
            if (next is null)
                _free++;
        }
        next?.SetResult();
    }

    private void Withdraw(LinkedList<TaskCompletionSource> queue, LinkedListNode<TaskCompletionSource> node, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (node.List is null)
                return; // its turn has come; cancellation is noticed by the work itself
            queue.Remove(node);
        }
        node.Value.SetCanceled(cancellationToken);
    }

    private static TaskCompletionSource? Dequeue(LinkedList<TaskCompletionSource> queue)
    {
        if (queue.First is not { } first)
            return null;
        queue.RemoveFirst();
        return first.Value;
    }
}
