using Microsoft.Extensions.Logging;
using TopGun.Buckets.Client.Connection;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Sync;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Client.Upload;

/// <summary>Empties the upload queue through the app's handler, then asks the service for the write checkpoint that reopens the gate.</summary>
/// <remarks>Independent of the download stream: writes leave the device also while that cannot be opened.</remarks>
internal sealed partial class Uploader(
    LocalDatabase local,
    CheckpointApplier applier,
    ISyncTransport transport,
    CredentialsCache credentials,
    StatusBoard status,
    BucketsClientOptions options)
{
    /// <summary>Failures of one transaction in a row after which the log says that somebody should look.</summary>
    private const int StalledAfter = 20;

    /// <summary>Least time between two complaints about the same thing.</summary>
    private static readonly TimeSpan StalledPause = TimeSpan.FromHours(1);

    private readonly Backoff _backoff = new(options.Random, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(60));
    private readonly Signal _kicked = new();
    private readonly Signal _retryNow = new();
    private volatile bool _askAgain;
    private long _failing;
    private int _failures;
    private DateTimeOffset _complained = DateTimeOffset.MinValue;

    /// <summary>Told of every transaction that the backend refused.</summary>
    public Action<RejectedWrite> Rejected { get; set; } = static _ => { };

    /// <summary>Told of a transaction that fails again and again.</summary>
    public Action<StalledUpload> Stalled { get; set; } = static _ => { };

    /// <summary>Told after the client has taken another client id, which the stream has to be opened with.</summary>
    public Action Renamed { get; set; } = static () => { };

    /// <summary>There may be something to upload.</summary>
    public void Kick() => _kicked.Set();

    /// <summary>What kept an upload from succeeding may be over. New local writes do not say that, so they do not cut a pause short.</summary>
    public void RetryNow()
    {
        _retryNow.Set();
        _kicked.Set();
    }

    /// <summary>
    /// A stream is open. A number that is still waited for may be one that a service which has read its source anew knows nothing of any more, so
    /// another is asked for.
    /// </summary>
    public void StreamOpened()
    {
        _askAgain = true;
        RetryNow();
    }

    /// <summary>Runs until cancelled. Every outcome leads back to waiting for the next cue or the next attempt.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var wait = TimeSpan.Zero;
        while (true)
        {
            if (wait == Timeout.InfiniteTimeSpan)
            {
                await _kicked.WaitAsync(wait, options.TimeProvider, cancellationToken);
                await Task.Delay(options.UploadThrottle, options.TimeProvider, cancellationToken); // a burst of writes goes as one
            }
            else if (wait != TimeSpan.Zero)
            {
                await _retryNow.WaitAsync(wait, options.TimeProvider, cancellationToken);
            }
            _kicked.Reset();
            _retryNow.Reset();
            wait = await AttemptAsync(cancellationToken);
        }
    }

    /// <returns>How long to wait before the next attempt; for ever when there is nothing left to do.</returns>
    private async Task<TimeSpan> AttemptAsync(CancellationToken cancellationToken)
    {
        try
        {
            var wait = await UploadAsync(cancellationToken);
            if (wait is null)
            {
                _backoff.Reset();
                status.Update(current => current with { UploadError = null });
                return Timeout.InfiniteTimeSpan;
            }
            return wait.Value;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            Log.Failed(options.Logger, exception.Message);
            status.Update(current => current with { UploadError = exception });
            return _backoff.Next();
        }
        finally
        {
            status.Update(current => current with { Uploading = false });
        }
    }

    /// <returns>How long to wait before going on, or null when all is done.</returns>
    private async Task<TimeSpan?> UploadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var batchSize = options.Faults?.IsForced(FaultPoint.UploadedOneByOne) == true ? 1 : options.UploadBatchSize;
            var transactions = options.Upload is null
                ? []
                : await local.WriteAsync(
                    Lane.Sync, database => UploadQueue.Take(database, local.ClientId, batchSize), cancellationToken);
            if (transactions.Count == 0)
            {
                await CountAsync(cancellationToken);
                if (options.Faults is not null)
                    await options.Faults.PassAsync(FaultPoint.QueueEmptied);
                if (await AskForWriteCheckpointAsync(cancellationToken))
                    return null;
                continue;
            }

            status.Update(current => current with { Uploading = true });
            IReadOnlyList<UploadOutcome> outcomes;
            try
            {
                outcomes = await options.Upload!.UploadAsync(transactions, cancellationToken);
            }
            catch (Exception exception) when (exception is not (OperationCanceledException or OutOfMemoryException))
            {
                await NoteFailureAsync(transactions[0], exception.Message, cancellationToken);
                throw ClientErrors.UploadFailed(exception.Message, exception);
            }
            if (options.Faults is not null)
                await options.Faults.PassAsync(FaultPoint.Uploaded);
            if (await SettleAsync(transactions, outcomes, cancellationToken) is { } retry)
            {
                await CountAsync(cancellationToken);
                Log.Failed(options.Logger, retry.Reason ?? "the handler asked for a retry");
                status.Update(current => current with { UploadError = ClientErrors.UploadFailed(retry.Reason ?? "it asked for a retry.") });
                var wait = _backoff.Next();
                return retry.After is { } after && after > wait ? after : wait;
            }
            _backoff.Reset();
        }
    }

    /// <summary>Takes the outcomes into the queue, up to the first that is to be tried again.</summary>
    private async Task<UploadOutcome.RetryOutcome?> SettleAsync(
        IReadOnlyList<UploadTransaction> transactions, IReadOnlyList<UploadOutcome> outcomes, CancellationToken cancellationToken)
    {
        var rejected = new List<RejectedWrite>();
        string? renamed = null;
        var retry = await local.WriteAsync(Lane.Sync, database =>
        {
            for (var index = 0; index < transactions.Count; index++)
            {
                switch (index < outcomes.Count ? outcomes[index] : UploadOutcome.Retry(reason: "the handler gave no outcome"))
                {
                    case UploadOutcome.DoneOutcome outcome:
                        UploadQueue.Remove(database, transactions[index]);
                        if (outcome.Refused.Count > 0)
                            rejected.Add(new RejectedWrite(transactions[index], outcome.Refused[0].Reason) { Refused = outcome.Refused, IsPartial = true });
                        break;
                    case UploadOutcome.RejectOutcome outcome:
                        UploadQueue.Remove(database, transactions[index]);
                        rejected.Add(new RejectedWrite(transactions[index], outcome.Reason) { Refused = outcome.Refused });
                        break;
                    case UploadOutcome.NumberTakenOutcome:
                        renamed = ClientIdentity.Renew(database, local.NewClientId());
                        return null;
                    case UploadOutcome.ParkOutcome outcome:
                        UploadQueue.Park(database, transactions[index], outcome.Reason);
                        break;
                    case UploadOutcome.RetryOutcome outcome:
                        UploadQueue.NoteFailure(database, transactions[index], outcome.Reason);
                        NoteFailure(transactions[index], outcome.Reason);
                        return outcome;
                }
            }
            return null;
        }, cancellationToken);
        if (renamed is not null)
        {
            local.ClientId = renamed;
            Log.Renamed(options.Logger, renamed);
            Renamed();
        }
        foreach (var write in rejected)
        {
            Log.Refused(options.Logger, write.Transaction.Id);
            Rejected(write);
        }
        return retry;
    }

    /// <summary>Once the queue is empty, asks for the number from which on a checkpoint holds all that was uploaded.</summary>
    /// <returns>False when the app wrote in the meantime, so that uploading goes on.</returns>
    private async Task<bool> AskForWriteCheckpointAsync(CancellationToken cancellationToken)
    {
        var askAgain = _askAgain;
        _askAgain = false;
        var (needed, sequence) = await local.WriteAsync(
            Lane.Sync,
            database => (
                WriteGate.NeedsWriteCheckpoint(database) || (askAgain && WriteGate.State(database) == BlockedBy.WriteCheckpoint),
                WriteGate.Sequence(database)),
            cancellationToken);
        if (needed)
        {
            _askAgain = askAgain; // until there is an answer
            var number = await RequestAsync(cancellationToken);
            if (number is null)
                return true; // nobody is signed in; connecting again asks once more
            var taken = await local.WriteAsync(
                Lane.Sync,
                database => (Taken: WriteGate.SetTarget(database, number.Value, sequence), Gate: WriteGate.Report(database, local)),
                cancellationToken);
            _askAgain = false;
            if (!taken.Taken)
                return false;
            status.Update(current => current.With(taken.Gate));
        }
        var published = await applier.PublishHeldBackAsync(cancellationToken);
        if (published.Published is not null)
        {
            var now = options.TimeProvider.GetUtcNow();
            status.Update(current => current.With(published.Streams).With(published.Gate) with { LastSyncedAt = now, DownloadError = null, ShownWriteCheckpoint = published.WriteCheckpoint });
        }
        return true;
    }

    /// <summary>Asks the service, or the backend that counts in its place, for a number that a later checkpoint carries once it holds all that is in the source now.</summary>
    /// <returns>Null when nobody is signed in.</returns>
    public async Task<ulong?> RequestAsync(CancellationToken cancellationToken)
    {
        for (var attempt = 0; ; attempt++)
        {
            if (await credentials.GetAsync(cancellationToken) is not { } present)
                return null;
            try
            {
                return await Deadline.RunAsync(
                    token => options.RequestWriteCheckpoint is { } request
                        ? request(local.ClientId, token)
                        : transport.RequestWriteCheckpointAsync(local.ClientId, present, token),
                    options.ConnectTimeout, options.TimeProvider, cancellationToken);
            }
            catch (TransportException exception) when (exception.IsUnauthorized)
            {
                credentials.Drop(present, CredentialsReason.Rejected);
                if (attempt > 0)
                    throw;
            }
        }
    }

    private Task<bool> NoteFailureAsync(UploadTransaction transaction, string reason, CancellationToken cancellationToken)
    {
        NoteFailure(transaction, reason);
        return local.WriteAsync(Lane.Sync, database =>
        {
            UploadQueue.NoteFailure(database, transaction, reason);
            return true;
        }, cancellationToken);
    }

    private void NoteFailure(UploadTransaction transaction, string? reason)
    {
        _failures = transaction.Id == _failing ? _failures + 1 : 1;
        if (transaction.Id != _failing)
            _complained = DateTimeOffset.MinValue;
        _failing = transaction.Id;
        var now = options.TimeProvider.GetUtcNow();
        if (_failures < StalledAfter || now - _complained < StalledPause)
            return;
        _complained = now;
        Log.Stalled(options.Logger, transaction.Id, _failures);
        Stalled(new StalledUpload(transaction, _failures, reason));
    }

    private async Task CountAsync(CancellationToken cancellationToken)
    {
        var (pending, parked) = await local.ReadAsync(UploadQueue.Count, cancellationToken);
        status.Update(current => current with { PendingUploads = pending, ParkedUploads = parked });
    }

    private static partial class Log
    {
        [LoggerMessage(6010, LogLevel.Warning, "An upload failed and is tried again: {Reason}")]
        public static partial void Failed(ILogger logger, string reason);

        [LoggerMessage(6011, LogLevel.Warning, "The backend refused local transaction {TransactionId}.")]
        public static partial void Refused(ILogger logger, long transactionId);

        [LoggerMessage(6013, LogLevel.Warning, "The database is a copy of another client's; it goes on as client {ClientId}.")]
        public static partial void Renamed(ILogger logger, string clientId);

        [LoggerMessage(6012, LogLevel.Error, "Local transaction {TransactionId} has failed {FailureCount} times; everything after it waits.")]
        public static partial void Stalled(ILogger logger, long transactionId, int failureCount);
    }
}
