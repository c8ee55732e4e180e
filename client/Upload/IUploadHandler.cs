namespace TopGun.Buckets.Client;

/// <summary>Sends local writes to the app's backend, which decides about them and writes them to the source database.</summary>
public interface IUploadHandler
{
    /// <summary>Sends transactions, oldest first. One call runs at a time, and a transaction may come again after a crash.</summary>
    /// <param name="transactions">At least one; complete transactions in the order in which they were committed.</param>
    /// <param name="cancellationToken">The client disconnects.</param>
    /// <returns>
    /// One outcome per transaction, in order. Outcomes are taken up to the first <see cref="UploadOutcome.Retry"/>; what is missing counts
    /// as one. Return <see cref="UploadOutcome.Done"/> only after the backend has committed. An exception counts as a retry of everything.
    /// </returns>
    Task<IReadOnlyList<UploadOutcome>> UploadAsync(IReadOnlyList<UploadTransaction> transactions, CancellationToken cancellationToken);
}

/// <summary>What became of an uploaded transaction.</summary>
public abstract record UploadOutcome
{
    private UploadOutcome()
    {
    }

    /// <summary>It has taken effect.</summary>
    public static UploadOutcome Done { get; } = new DoneOutcome([]);

    /// <summary>It has taken effect, but for some writes that the backend refused: their rows go back to what the service says.</summary>
    /// <param name="refused">Passed on to the app.</param>
    public static UploadOutcome DoneExcept(IReadOnlyList<RefusedEntry> refused) => new DoneOutcome(refused);

    /// <summary>It could not be delivered; try again later, in the same order.</summary>
    /// <param name="after">Least time to wait; the client's own waiting time when absent.</param>
    /// <param name="reason">For status and log.</param>
    public static UploadOutcome Retry(TimeSpan? after = null, string? reason = null) => new RetryOutcome(after, reason);

    /// <summary>The backend refuses it for good: it is dropped, and its rows go back to what the service says.</summary>
    /// <param name="reason">Passed on to the app.</param>
    /// <param name="refused">The writes that are the cause, when the backend named them.</param>
    public static UploadOutcome Reject(string reason, IReadOnlyList<RefusedEntry>? refused = null) => new RejectOutcome(reason, refused ?? []);

    /// <summary>Put it aside for inspection: it no longer stands in the way, and its rows go back to what the service says.</summary>
    /// <param name="reason">Kept with the entries.</param>
    public static UploadOutcome Park(string reason) => new ParkOutcome(reason);

    /// <summary>
    /// The backend knows another transaction by this number, so this database is a copy of another one: a restored backup, or a cloned
    /// device. The client takes a new client id and sends its writes again under it; nothing is lost, and nothing takes effect twice.
    /// </summary>
    public static UploadOutcome NumberTaken { get; } = new NumberTakenOutcome();

    internal sealed record DoneOutcome(IReadOnlyList<RefusedEntry> Refused) : UploadOutcome;

    internal sealed record RetryOutcome(TimeSpan? After, string? Reason) : UploadOutcome;

    internal sealed record RejectOutcome(string Reason, IReadOnlyList<RefusedEntry> Refused) : UploadOutcome;

    internal sealed record NumberTakenOutcome : UploadOutcome;

    internal sealed record ParkOutcome(string Reason) : UploadOutcome;
}

/// <summary>An upload handler from a function that sends one transaction.</summary>
/// <param name="upload">Sends a transaction and says what became of it.</param>
public sealed class UploadEach(Func<UploadTransaction, CancellationToken, Task<UploadOutcome>> upload) : IUploadHandler
{
    /// <inheritdoc/>
    public async Task<IReadOnlyList<UploadOutcome>> UploadAsync(IReadOnlyList<UploadTransaction> transactions, CancellationToken cancellationToken)
    {
        var outcomes = new List<UploadOutcome>();
        foreach (var transaction in transactions)
        {
            UploadOutcome outcome;
            try
            {
                outcome = await upload(transaction, cancellationToken);
            }
            catch (Exception exception) when (outcomes.Count > 0 && exception is not (OperationCanceledException or OutOfMemoryException))
            {
                outcome = UploadOutcome.Retry(reason: exception.Message); // what came before has taken effect and must be told
            }
            outcomes.Add(outcome);
            if (outcome is UploadOutcome.RetryOutcome)
                break;
        }
        return outcomes;
    }
}

/// <summary>One write that the backend refused.</summary>
/// <param name="Entry">The write.</param>
/// <param name="Reason">In words, for the user.</param>
/// <param name="Code">For the app; null when the backend gave none.</param>
public sealed record RefusedEntry(CrudEntry Entry, string Reason, string? Code = null);

/// <summary>A local transaction that the backend refused, as a whole or in part.</summary>
/// <param name="Transaction">What was sent; no longer in the queue.</param>
/// <param name="Reason">What the handler said.</param>
public sealed record RejectedWrite(UploadTransaction Transaction, string Reason)
{
    /// <summary>The writes that were refused, when the backend named them.</summary>
    public IReadOnlyList<RefusedEntry> Refused { get; init; } = [];

    /// <summary>Whether the other writes of the transaction took effect.</summary>
    public bool IsPartial { get; init; }
}

/// <summary>A transaction that was put aside: it stands in nobody's way until the app sends it again or discards it.</summary>
/// <param name="Transaction">Its writes.</param>
/// <param name="Reason">What the handler said.</param>
public sealed record ParkedWrite(UploadTransaction Transaction, string Reason);

/// <summary>A transaction that fails again and again, and all that waits behind it.</summary>
/// <param name="Transaction">The transaction.</param>
/// <param name="Failures">How often in a row it has failed since the client connected.</param>
/// <param name="Reason">What the handler said last.</param>
public sealed record StalledUpload(UploadTransaction Transaction, int Failures, string? Reason);
