namespace TopGun.Buckets.Backend;

/// <summary>What became of an uploaded transaction.</summary>
public enum UploadStatus
{
    /// <summary>It has taken effect, but for the writes that are listed as refused.</summary>
    Done,

    /// <summary>It is refused for good: the device drops it, and its rows go back to what the service says.</summary>
    Reject,

    /// <summary>It cannot be applied now; the device sends it, and all that follows it, again.</summary>
    Retry,

    /// <summary>The device puts it aside, where its app can look at it, and goes on.</summary>
    Park,

    /// <summary>Another transaction had this number: the device's database is a copy. It takes another client id and sends its writes again.</summary>
    NumberTaken,
}

/// <summary>A write that was refused.</summary>
/// <param name="Index">Position in the transaction, from 0.</param>
/// <param name="Reason">For the user of the device.</param>
/// <param name="Code">For the app on the device; null when there is none.</param>
public sealed record RefusedWrite(int Index, string Reason, string? Code = null);

/// <summary>The answer for one transaction.</summary>
/// <param name="Status">What became of it.</param>
/// <param name="Reason">Why, unless it is done.</param>
public sealed record UploadVerdict(UploadStatus Status, string? Reason = null)
{
    /// <summary>It has taken effect as a whole.</summary>
    public static UploadVerdict Done { get; } = new(UploadStatus.Done);

    /// <summary>Writes that were refused, with their reasons.</summary>
    public IReadOnlyList<RefusedWrite> Refused { get; init; } = [];
}

/// <summary>Thrown by an app's own code to refuse a write.</summary>
/// <param name="reason">For the user of the device.</param>
/// <param name="code">For the app on the device.</param>
public sealed class UploadRejectedException(string reason, string? code = null) : Exception(reason)
{
    /// <summary>For the app on the device; null when there is none.</summary>
    public string? Code { get; } = code;
}

/// <summary>Applies uploaded transactions. <see cref="PostgresUploads"/> is one; write your own for another database.</summary>
public interface IUploadReceiver
{
    /// <summary>
    /// Applies a transaction once, however often it is sent: an answer may get lost. Return only after the commit, because the device then
    /// asks the sync service for the checkpoint that holds it. An exception counts as a retry.
    /// </summary>
    Task<UploadVerdict> ApplyAsync(UploadedTransaction transaction, CancellationToken cancellationToken);
}
