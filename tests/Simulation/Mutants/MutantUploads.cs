using TopGun.Buckets.Client;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>What uploading is made to do wrong.</summary>
internal static class MutantUploads
{
    private const int LostUpload = 5;

    /// <summary>Every few uploads one is taken for done.</summary>
    public static Func<UploadTransaction, CancellationToken, Task<UploadOutcome>> Lose(Func<UploadTransaction, CancellationToken, Task<UploadOutcome>> upload)
    {
        var uploads = 0;
        return (transaction, cancellationToken) =>
            ++uploads % LostUpload == 0 ? Task.FromResult(UploadOutcome.Done) : upload(transaction, cancellationToken);
    }

    /// <summary>Each attempt has a number of its own.</summary>
    public static Func<UploadTransaction, CancellationToken, Task<UploadOutcome>> Anew(Func<UploadTransaction, CancellationToken, Task<UploadOutcome>> upload)
    {
        var attempts = 1_000_000L;
        return (transaction, cancellationToken) => upload(transaction with { Id = ++attempts }, cancellationToken);
    }

    /// <summary>Every few uploads one counts as done, and is made when the next one has been.</summary>
    public static Func<UploadTransaction, CancellationToken, Task<UploadOutcome>> ChangePlaces(Func<UploadTransaction, CancellationToken, Task<UploadOutcome>> upload)
    {
        var uploads = 0;
        UploadTransaction? late = null;
        return async (transaction, cancellationToken) =>
        {
            if (late is null && ++uploads % LostUpload == 0)
            {
                late = transaction;
                return UploadOutcome.Done;
            }
            var outcome = await upload(transaction, cancellationToken);
            if (late is not null && outcome == UploadOutcome.Done && await upload(late, cancellationToken) == UploadOutcome.Done)
                late = null;
            return outcome;
        };
    }

    /// <summary>Nothing happens any more after an attempt that failed.</summary>
    public static Func<UploadTransaction, CancellationToken, Task<UploadOutcome>> GiveUp(Func<UploadTransaction, CancellationToken, Task<UploadOutcome>> upload)
    {
        return async (transaction, cancellationToken) =>
        {
            try
            {
                return await upload(transaction, cancellationToken);
            }
            catch (TransportException)
            {
                await new TaskCompletionSource().Task;
                throw;
            }
        };
    }
}
