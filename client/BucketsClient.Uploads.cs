using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Upload;

namespace TopGun.Buckets.Client;

/// <content>Local writes that were put aside.</content>
public sealed partial class BucketsClient
{
    /// <summary>Transactions that the upload handler put aside (<see cref="UploadOutcome.Park"/>), oldest first.</summary>
    public async Task<IReadOnlyList<ParkedWrite>> GetParkedAsync(CancellationToken cancellationToken = default)
    {
        var local = await LocalAsync().WaitAsync(cancellationToken);
        return await local.ReadAsync(database => UploadQueue.ReadParked(database, local.ClientId), cancellationToken);
    }

    /// <summary>Sends a transaction again that was put aside: as a new one, behind everything that waits; its writes show on the device again.</summary>
    /// <param name="transaction">Its <see cref="UploadTransaction.Id"/>.</param>
    /// <param name="cancellationToken">Stops waiting for the turn.</param>
    /// <returns>False when there is none of that number.</returns>
    public Task<bool> ReplayParkedAsync(long transaction, CancellationToken cancellationToken = default) => ChangeQueueAsync(
        (local, database) => ParkedWrites.Replay(database, _options.Schema, local.ClientId, transaction), cancellationToken);

    /// <summary>Drops a transaction that was put aside.</summary>
    /// <param name="transaction">Its <see cref="UploadTransaction.Id"/>.</param>
    /// <param name="cancellationToken">Stops waiting for the turn.</param>
    /// <returns>False when there is none of that number.</returns>
    public Task<bool> DiscardParkedAsync(long transaction, CancellationToken cancellationToken = default) => ChangeQueueAsync(
        (_, database) =>
        {
            var changed = new ChangeSet();
            if (UploadQueue.Discard(database, transaction))
                changed.Add("tg_crud");
            return changed;
        },
        cancellationToken);

    private async Task<bool> ChangeQueueAsync(Func<LocalDatabase, Database, ChangeSet> change, CancellationToken cancellationToken)
    {
        CheckNotInside();
        var local = await LocalAsync().WaitAsync(cancellationToken);
        var (changed, counts, gate) = await local.WriteAsync(
            Lane.App,
            database =>
            {
                local.BeginTransaction(database);
                var changed = change(local, database);
                LocalDatabase.EndTransaction(database);
                return (Changed: changed, UploadQueue.Count(database), WriteGate.Report(database, local));
            },
            cancellationToken,
            result => result.Changed);
        if (changed.IsEmpty)
            return false;
        _status.Update(status => status.With(gate) with { PendingUploads = counts.Pending, ParkedUploads = counts.Parked });
        return true;
    }
}
