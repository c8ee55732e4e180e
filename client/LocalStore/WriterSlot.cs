namespace TopGun.Buckets.Client.LocalStore;

/// <summary>Who goes first when several want to write.</summary>
internal enum WriterLane
{
    /// <summary>The app: somebody waits for it.</summary>
    App,

    /// <summary>Synchronisation: between two of its batches, waiting app writes run.</summary>
    Sync,
}

/// <summary>Lets one write transaction at a time use the writing connection; the app's lane goes first, each lane in order of arrival.</summary>
internal sealed class WriterSlot
{
    private readonly Lock _gate = new();
    private readonly LinkedList<TaskCompletionSource> _app = new();
    private readonly LinkedList<TaskCompletionSource> _sync = new();
    private bool _taken;

    /// <summary>Waits for the turn. Whoever gets it calls <see cref="Release"/>.</summary>
    public async ValueTask AcquireAsync(WriterLane lane, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var queue = lane == WriterLane.App ? _app : _sync;
        LinkedListNode<TaskCompletionSource> node;
        lock (_gate)
        {
            if (!_taken)
            {
                _taken = true;
                return;
            }
            node = queue.AddLast(new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }
        await using var registration = cancellationToken.Register(() => Withdraw(queue, node, cancellationToken));
        await node.Value.Task;
    }

    public void Release()
    {
        TaskCompletionSource? next;
        lock (_gate)
        {
            next = Dequeue(_app) ?? Dequeue(_sync);
            _taken = next is not null;
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
