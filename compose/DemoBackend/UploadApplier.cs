using System.Globalization;
using System.Text.Json;
using Npgsql;

namespace TopGun.Buckets.DemoBackend;

/// <summary>Applies uploaded transactions, each exactly once.</summary>
/// <remarks>
/// An answer may get lost, so a device may send a transaction again. Its number is written in the same database transaction as its effect: when
/// the number is there already, so is the effect. The answer is sent after the commit, so a write checkpoint that the device asks for next lies after it.
/// </remarks>
internal sealed class UploadApplier(NpgsqlDataSource database, TimeProvider time)
{
    private static readonly TimeSpan StartupLimit = TimeSpan.FromSeconds(60);

    /// <summary>Makes the table of applied transactions where it is missing; waits while the database starts.</summary>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            try
            {
                await using var command = database.CreateCommand(
                    """
                    CREATE TABLE IF NOT EXISTS topgun_uploads (
                        user_id text NOT NULL, client_id text NOT NULL, tx bigint NOT NULL, PRIMARY KEY (user_id, client_id, tx))
                    """);
                await command.ExecuteNonQueryAsync(cancellationToken);
                return;
            }
            catch (NpgsqlException failure) when (failure.IsTransient && time.GetElapsedTime(started) < StartupLimit)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(250), time, cancellationToken);
            }
        }
    }

    public async Task<UploadResponse> ApplyAsync(string user, UploadRequest request, CancellationToken cancellationToken)
    {
        var results = new List<UploadResult>(request.Transactions.Count);
        foreach (var transaction in request.Transactions)
        {
            // Later transactions may build on earlier ones: after one that has to wait, all wait.
            var waits = results.Count > 0 && results[^1].Status == "retry";
            results.Add(waits
                ? new UploadResult(transaction.Number, "retry", "An earlier transaction has to be applied first.")
                : await ApplyAsync(user, request.ClientId, transaction, cancellationToken));
        }
        return new UploadResponse(results);
    }

    private async Task<UploadResult> ApplyAsync(
        string user, string clientId, UploadTransaction transaction, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await database.OpenConnectionAsync(cancellationToken);
            await using var scope = await connection.BeginTransactionAsync(cancellationToken);
            if (await IsNewAsync(connection, user, clientId, transaction.Number, cancellationToken))
            {
                foreach (var op in transaction.Ops)
                    await ApplyAsync(connection, user, op, cancellationToken);
            }
            await scope.CommitAsync(cancellationToken);
            return new UploadResult(transaction.Number, "done");
        }
        catch (UploadRejectedException refused)
        {
            return new UploadResult(transaction.Number, "reject", refused.Message);
        }
        catch (PostgresException refused) when (refused.SqlState.StartsWith("22", StringComparison.Ordinal)
            || refused.SqlState.StartsWith("23", StringComparison.Ordinal))
        {
            return new UploadResult(transaction.Number, "reject", refused.MessageText); // bad data, or a constraint
        }
        catch (NpgsqlException failure)
        {
            return new UploadResult(transaction.Number, "retry", failure.Message);
        }
    }

    private static async Task<bool> IsNewAsync(
        NpgsqlConnection connection, string user, string clientId, long number, CancellationToken cancellationToken)
    {
        // A second copy that arrives meanwhile waits here for the first one's commit.
        await using var command = new NpgsqlCommand(
            "INSERT INTO topgun_uploads (user_id, client_id, tx) VALUES (@user, @client, @tx) ON CONFLICT DO NOTHING", connection);
        command.Parameters.AddWithValue("user", user);
        command.Parameters.AddWithValue("client", clientId);
        command.Parameters.AddWithValue("tx", number);
        return await command.ExecuteNonQueryAsync(cancellationToken) == 1;
    }

    private static async Task ApplyAsync(NpgsqlConnection connection, string user, UploadOp op, CancellationToken cancellationToken)
    {
        var table = DemoTables.Find(op.Type) ?? throw new UploadRejectedException($"Table '{op.Type}' is not for writing.");
        var columns = Columns(table, op);
        await using var command = new NpgsqlCommand(Sql(table, op, columns), connection);
        command.Parameters.AddWithValue("user", user);
        command.Parameters.AddWithValue("row", Row(op));

        if (op.Op != "PUT" && !await ExistsAsync(connection, table, op, cancellationToken))
            return; // deleted meanwhile: the deletion wins
        if (await command.ExecuteScalarAsync(cancellationToken) is null)
            throw new UploadRejectedException($"User '{user}' may not write this row of '{table.Name}'.");
    }

    private static async Task<bool> ExistsAsync(NpgsqlConnection connection, DemoTable table, UploadOp op, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            $"SELECT 1 FROM {table.Name} JOIN json_populate_record(null::{table.Name}, @row::json) given USING (id)", connection);
        command.Parameters.AddWithValue("row", Row(op));
        return await command.ExecuteScalarAsync(cancellationToken) is not null;
    }

    private static string[] Columns(DemoTable table, UploadOp op)
    {
        string[] columns = [.. (op.Data?.Keys ?? []).Where(column => column != "id")];
        var unknown = columns.FirstOrDefault(column => !table.Columns.Contains(column));
        return unknown is null
            ? columns
            : throw new UploadRejectedException($"Column '{unknown}' of '{table.Name}' is not for writing.");
    }

    // The row comes in as JSON and is given its column types by Postgres. What it says must be allowed before the change and after it;
    // only a change that was made returns a row.
    private static string Sql(DemoTable table, UploadOp op, string[] columns)
    {
        var given = $"json_populate_record(null::{table.Name}, @row::json)";
        var before = $"SELECT r.id FROM {table.Name} r WHERE {table.Permission}";
        switch (op.Op)
        {
            case "PUT":
                var names = string.Join(", ", columns.Prepend("id"));
                var assignments = string.Join(", ", columns.Prepend("id").Select(column => $"{column} = excluded.{column}"));
                return $"""
                    INSERT INTO {table.Name} ({names}) SELECT {names} FROM {given} r WHERE {table.Permission}
                    ON CONFLICT (id) DO UPDATE SET {assignments} WHERE {table.Name}.id IN ({before})
                    RETURNING 1
                    """;
            case "PATCH" when columns.Length > 0:
                var changes = string.Join(", ", columns.Select(column => $"{column} = given.{column}"));
                return $"""
                    WITH changed AS (
                        UPDATE {table.Name} t SET {changes} FROM {given} given WHERE t.id = given.id AND t.id IN ({before}) RETURNING t.*)
                    SELECT 1 FROM changed r WHERE {table.Permission}
                    """;
            case "DELETE":
                return $"DELETE FROM {table.Name} t USING {given} given WHERE t.id = given.id AND t.id IN ({before}) RETURNING 1";
            default:
                throw new UploadRejectedException(
                    string.Create(CultureInfo.InvariantCulture, $"'{op.Op}' with {columns.Length} columns is not a change."));
        }
    }

    private static string Row(UploadOp op)
    {
        var row = new Dictionary<string, JsonElement>(op.Data ?? new Dictionary<string, JsonElement>())
        {
            ["id"] = JsonSerializer.SerializeToElement(op.Id),
        };
        return JsonSerializer.Serialize(row);
    }
}
