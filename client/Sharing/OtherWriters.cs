using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Streams;
using TopGun.Buckets.Client.Sync;

namespace TopGun.Buckets.Client.Sharing;

/// <summary>Brings what other processes, and other tools, commit to the file to those who listen in this one.</summary>
/// <remarks>
/// SQLite keeps a number that moves with every commit of somebody else. Which rows they changed it does not tell, so every live query looks
/// again; one whose rows are the same tells nobody.
/// </remarks>
internal sealed class OtherWriters(
    LocalDatabase local, StreamBook streams, StatusBoard status, BucketsClientOptions options, Func<SyncEngine?> engine)
{
    /// <summary>Time for which a subscription that is held here is wanted after the last time that this process said so.</summary>
    public static readonly TimeSpan HandleLease = TimeSpan.FromSeconds(60);

    private volatile bool _queueMoved;
    private long _heldSince = options.TimeProvider.GetTimestamp();

    /// <summary>Looks again and again until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var listening = local.Changes.Listen(changes => _queueMoved |= changes.Contains("tg_crud"));
        while (true)
        {
            await Task.Delay(options.OtherProcessesPoll, options.TimeProvider, cancellationToken);
            try
            {
                await LookAsync(cancellationToken);
            }
            catch (LocalStoreException)
            {
                // Whoever reads or writes next meets what is wrong with the file, and is told.
            }
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        var news = await local.ReadNewsAsync(database => LocalStatus.ReadShared(database, local, streams), cancellationToken);
        if (news is not null)
        {
            status.Update(news.Into);
            local.Changes.Publish(ChangeSet.Everything);
            engine()?.OthersHaveWritten();
        }
        if (engine() is { Leads: true })
            return; // it counts the queue and keeps streams alive by itself
        if (_queueMoved)
        {
            _queueMoved = false;
            var (pending, parked) = await local.ReadAsync(Upload.UploadQueue.Count, cancellationToken);
            status.Update(current => current with { PendingUploads = pending, ParkedUploads = parked });
        }
        if (engine() is not null && options.TimeProvider.GetElapsedTime(_heldSince) >= HandleLease / 3)
            await HoldStreamsAsync(cancellationToken);
    }

    /// <summary>The process that synchronises knows nothing of the handles here but what the table says.</summary>
    private async Task HoldStreamsAsync(CancellationToken cancellationToken)
    {
        _heldSince = options.TimeProvider.GetTimestamp();
        if (streams.Handles.IsEmpty)
            return;
        await local.WriteAsync(
            Lane.Sync, database => streams.Refresh(database, local.Now, HandleLease), cancellationToken);
    }
}
