using System.Buffers;
using System.Text;
using System.Text.Json;
using Npgsql;
using NpgsqlTypes;

namespace TopGun.Buckets.Backend;

/// <summary>What a refused write does to the other writes of its transaction.</summary>
public enum RefusalScope
{
    /// <summary>The whole transaction is refused. The default: devices committed it as a whole.</summary>
    Transaction,

    /// <summary>The others take effect; the device is told which did not.</summary>
    Write,
}

/// <summary>Applies uploaded transactions to Postgres, each exactly once.</summary>
/// <remarks>
/// An answer may get lost, so a device sends a transaction again. Its number is written in the same database transaction as its effect: when
/// the number is there already, so is the effect. The numbers are in the table <c>topgun_uploads</c>, about 100 bytes each; rows older than
/// any device stays away may be deleted.
/// </remarks>
/// <param name="database">Where the tables are.</param>
/// <param name="tables">What devices may write; anything else is refused.</param>
public sealed class PostgresUploads(NpgsqlDataSource database, params IReadOnlyList<UploadTable> tables) : IUploadReceiver
{
    private const string NumbersTable = """
        CREATE TABLE IF NOT EXISTS topgun_uploads (
            user_id text NOT NULL, client_id text NOT NULL, tx bigint NOT NULL, digest bytea NOT NULL, refused text,
            applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (user_id, client_id, tx))
        """;

    private readonly Dictionary<string, UploadTable> _tables = tables.ToDictionary(table => table.Name, StringComparer.Ordinal);

    /// <summary>What a refused write does to its transaction.</summary>
    public RefusalScope Refusal { get; init; } = RefusalScope.Transaction;

    /// <summary>Makes the table of numbers where it is missing. Call it when the app starts, or create the table by a migration of yours.</summary>
    public async Task PrepareAsync(CancellationToken cancellationToken = default)
    {
        await using var command = database.CreateCommand(NumbersTable);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<UploadVerdict> ApplyAsync(UploadedTransaction transaction, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await database.OpenConnectionAsync(cancellationToken);
            await using var scope = await connection.BeginTransactionAsync(cancellationToken);
            if (await FindAsync(connection, transaction, cancellationToken) is { } known)
                return known;
            var refused = await ApplyAsync(scope, new UploadScope(connection, transaction), cancellationToken);
            if (refused.Count > 0 && Refusal == RefusalScope.Transaction)
                return new UploadVerdict(UploadStatus.Reject, refused[0].Reason) { Refused = refused }; // what was done is undone
            if (refused.Count > 0)
                await NoteAsync(connection, transaction, refused, cancellationToken);
            await scope.CommitAsync(cancellationToken);
            return UploadVerdict.Done with { Refused = refused };
        }
        catch (NpgsqlException failure) // away, a deadlock, or rights and tables that somebody has to mend
        {
            return new UploadVerdict(UploadStatus.Retry, failure is PostgresException told ? told.MessageText : failure.Message);
        }
    }

    /// <summary>Claims the number. A second copy of the transaction that arrives meanwhile waits here for the first one's commit.</summary>
    /// <returns>What became of it earlier; null when it is new.</returns>
    private static async Task<UploadVerdict?> FindAsync(NpgsqlConnection connection, UploadedTransaction transaction, CancellationToken cancellationToken)
    {
        var digest = transaction.Digest();
        await using (var claim = Command(
            connection, "INSERT INTO topgun_uploads (user_id, client_id, tx, digest) VALUES (@user, @client, @tx, @digest) ON CONFLICT DO NOTHING", transaction))
        {
            claim.Parameters.AddWithValue("digest", digest);
            if (await claim.ExecuteNonQueryAsync(cancellationToken) == 1)
                return null;
        }
        await using var find = Command(
            connection, "SELECT digest, refused FROM topgun_uploads WHERE user_id = @user AND client_id = @client AND tx = @tx", transaction);
        await using var row = await find.ExecuteReaderAsync(cancellationToken);
        if (!await row.ReadAsync(cancellationToken))
            return new UploadVerdict(UploadStatus.Retry, "The number was removed meanwhile.");
        if (!digest.AsSpan().SequenceEqual(row.GetFieldValue<byte[]>(0)))
            return new UploadVerdict(UploadStatus.NumberTaken, "Another transaction of this client had this number.");
        return await row.IsDBNullAsync(1, cancellationToken)
            ? UploadVerdict.Done
            : UploadVerdict.Done with { Refused = UploadJson.ReadRefused(row.GetString(1)) };
    }

    /// <returns>What was refused; with the scope of a transaction, the first.</returns>
    private async Task<IReadOnlyList<RefusedWrite>> ApplyAsync(NpgsqlTransaction transaction, UploadScope scope, CancellationToken cancellationToken)
    {
        const string Savepoint = "topgun_write";
        var refused = new List<RefusedWrite>();
        var writes = scope.Transaction.Writes;
        for (var index = 0; index < writes.Count; index++)
        {
            if (Refusal == RefusalScope.Write)
                await transaction.SaveAsync(Savepoint, cancellationToken);
            if (await RefusalOfAsync(scope, index, cancellationToken) is not { } refusal)
                continue;
            refused.Add(refusal);
            if (Refusal == RefusalScope.Transaction)
                return refused;
            await transaction.RollbackAsync(Savepoint, cancellationToken);
        }
        return refused;
    }

    private async Task<RefusedWrite?> RefusalOfAsync(UploadScope scope, int index, CancellationToken cancellationToken)
    {
        var write = scope.Transaction.Writes[index];
        try
        {
            if (!_tables.TryGetValue(write.Table, out var table))
                return new RefusedWrite(index, $"Table '{write.Table}' is not for writing.", "table");
            if (table.Validate?.Invoke(write) is { } reason)
                return new RefusedWrite(index, reason, "invalid");
            await (table.Apply is { } apply ? apply(scope, write, cancellationToken) : WriteStatement.RunAsync(scope, table, write, cancellationToken));
            return null;
        }
        catch (UploadRejectedException refusal)
        {
            return new RefusedWrite(index, refusal.Message, refusal.Code);
        }
        catch (PostgresException refusal) when (refusal.SqlState[..2] is "22" or "23" or "P0")
        {
            return new RefusedWrite(index, refusal.MessageText, refusal.SqlState); // bad data, a constraint, or a trigger's RAISE
        }
    }

    private static async Task NoteAsync(
        NpgsqlConnection connection, UploadedTransaction transaction, IReadOnlyList<RefusedWrite> refused, CancellationToken cancellationToken)
    {
        var output = new ArrayBufferWriter<byte>();
        await using (var writer = new Utf8JsonWriter(output))
            UploadJson.Write(writer, refused);
        await using var command = Command(
            connection, "UPDATE topgun_uploads SET refused = @refused WHERE user_id = @user AND client_id = @client AND tx = @tx", transaction);
        command.Parameters.AddWithValue("refused", NpgsqlDbType.Text, Encoding.UTF8.GetString(output.WrittenSpan));
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, UploadedTransaction transaction)
    {
        var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddWithValue("user", transaction.UserId);
        command.Parameters.AddWithValue("client", transaction.ClientId);
        command.Parameters.AddWithValue("tx", transaction.Number);
        return command;
    }
}
