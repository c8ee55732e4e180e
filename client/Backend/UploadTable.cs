using Npgsql;

namespace TopGun.Buckets.Backend;

/// <summary>A table that devices may write to.</summary>
/// <param name="Name">What devices call it.</param>
/// <param name="Columns">Columns that a device may set, besides <c>id</c>; a write to another column is refused.</param>
public sealed record UploadTable(string Name, params IReadOnlyList<string> Columns)
{
    private static readonly NpgsqlCommandBuilder Quoting = new();

    /// <summary>Its name in Postgres, with a schema if need be; as devices call it when absent.</summary>
    public string? Relation { get; init; }

    /// <summary>
    /// SQL condition on the row <c>r</c> that the user <c>@user</c> must meet to write it, for example <c>r.owner_id = @user</c>. It must hold
    /// for the row as it was and as it will be. <c>true</c> lets everybody write everything.
    /// </summary>
    public required string Permission { get; init; }

    /// <summary>Looks at a write before it is applied: returns a reason to refuse it, or null.</summary>
    public Func<UploadedWrite, string?>? Validate { get; init; }

    /// <summary>
    /// Applies a write in place of the statement that is made from the above: runs inside the transaction, and throws
    /// <see cref="UploadRejectedException"/> to refuse.
    /// </summary>
    public Func<UploadScope, UploadedWrite, CancellationToken, Task>? Apply { get; init; }

    internal string SqlName => string.Join('.', (Relation ?? Name).Split('.').Select(Quote));

    internal static string Quote(string name) => Quoting.QuoteIdentifier(name);
}

/// <summary>The database transaction that an uploaded transaction is applied in.</summary>
/// <param name="Connection">Run your statements on it; it is committed when all writes are applied.</param>
/// <param name="Transaction">What is being applied.</param>
public sealed record UploadScope(NpgsqlConnection Connection, UploadedTransaction Transaction);
