using System.Text.Json;

namespace TopGun.Buckets.Client;

/// <summary>What an upload entry does to its row.</summary>
public enum CrudOp
{
    /// <summary>Insert or replace the row.</summary>
    Put,

    /// <summary>Change some columns.</summary>
    Patch,

    /// <summary>Delete the row.</summary>
    Delete,
}

/// <summary>One local write to one row.</summary>
/// <param name="Sequence">Position in the queue; never given twice.</param>
/// <param name="Op">What it does.</param>
/// <param name="Table">Name of the table as the service uses it.</param>
/// <param name="Id">Row id.</param>
/// <param name="Data">Put: every column that is not NULL. Patch: the changed columns. Delete: null.</param>
/// <param name="Previous">Earlier values, when the table tracks them.</param>
/// <param name="Metadata">What the app passed along, when the table tracks it.</param>
/// <param name="At">When it was written, by the device's clock.</param>
public sealed record CrudEntry(
    long Sequence, CrudOp Op, string Table, string Id, JsonElement? Data, JsonElement? Previous, string? Metadata, DateTimeOffset At);

/// <summary>Local writes that were committed together and are to take effect together, once.</summary>
/// <param name="ClientId">This copy of the local database.</param>
/// <param name="Id">Number of the transaction on this client; grows, never given twice.</param>
/// <param name="Entries">The writes, in order.</param>
public sealed record UploadTransaction(string ClientId, long Id, IReadOnlyList<CrudEntry> Entries)
{
    /// <summary>
    /// Names the transaction for ever. A backend that stores it in the same database transaction as the effect can recognise a repetition.
    /// </summary>
    public string IdempotencyKey => FormattableString.Invariant($"{ClientId}:{Id}");
}
