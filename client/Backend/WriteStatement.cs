using System.Text.Json;
using Npgsql;

namespace TopGun.Buckets.Backend;

/// <summary>Applies one write to its table by one statement, which changes nothing that the user may not write.</summary>
/// <remarks>
/// The row comes in as JSON and gets its types from the table. Only a change that was made returns a row, so a statement that returns none
/// was not allowed.
/// </remarks>
internal static class WriteStatement
{
    public static async Task RunAsync(UploadScope scope, UploadTable table, UploadedWrite write, CancellationToken cancellationToken)
    {
        var columns = Columns(table, write);
        if (write.Kind == UploadedWriteKind.Patch && columns.Length == 0)
            return; // an update that changes nothing
        if (write.Kind != UploadedWriteKind.Put && !await ExistsAsync(scope, table, write, cancellationToken))
            return; // deleted meanwhile: the deletion wins
        await using var command = Command(scope, Sql(table, write, columns), write);
        command.Parameters.AddWithValue("user", scope.Transaction.UserId);
        if (await command.ExecuteScalarAsync(cancellationToken) is null)
            throw new UploadRejectedException($"User '{scope.Transaction.UserId}' may not write this row of '{table.Name}'.", "forbidden");
    }

    private static async Task<bool> ExistsAsync(UploadScope scope, UploadTable table, UploadedWrite write, CancellationToken cancellationToken)
    {
        await using var command = Command(scope, $"SELECT 1 FROM {table.SqlName} JOIN {Given(table)} given USING (id)", write);
        return await command.ExecuteScalarAsync(cancellationToken) is not null;
    }

    private static string[] Columns(UploadTable table, UploadedWrite write)
    {
        string[] columns = write.Data is { } data
            ? [.. data.EnumerateObject().Select(member => member.Name).Where(column => column != "id").Distinct()]
            : [];
        return columns.FirstOrDefault(column => !table.Columns.Contains(column)) is { } unknown
            ? throw new UploadRejectedException($"Column '{unknown}' of '{table.Name}' is not for writing.", "column")
            : columns;
    }

    private static string Sql(UploadTable table, UploadedWrite write, string[] columns)
    {
        var name = table.SqlName;
        var allowed = $"SELECT r.id FROM {name} r WHERE ({table.Permission})";
        switch (write.Kind)
        {
            case UploadedWriteKind.Put:
                string[] all = [.. columns.Prepend("id").Select(UploadTable.Quote)];
                var names = string.Join(", ", all);
                return $"""
                    INSERT INTO {name} AS stored ({names}) SELECT {names} FROM {Given(table)} r WHERE ({table.Permission})
                    ON CONFLICT (id) DO UPDATE SET {string.Join(", ", all.Select(column => $"{column} = excluded.{column}"))} WHERE stored.id IN ({allowed})
                    RETURNING 1
                    """;
            case UploadedWriteKind.Patch:
                var changes = string.Join(", ", columns.Select(UploadTable.Quote).Select(column => $"{column} = given.{column}"));
                return $"""
                    WITH changed AS (
                        UPDATE {name} stored SET {changes} FROM {Given(table)} given WHERE stored.id = given.id AND stored.id IN ({allowed}) RETURNING stored.*)
                    SELECT 1 FROM changed r WHERE ({table.Permission})
                    """;
            default:
                return $"DELETE FROM {name} stored USING {Given(table)} given WHERE stored.id = given.id AND stored.id IN ({allowed}) RETURNING 1";
        }
    }

    private static string Given(UploadTable table) => $"json_populate_record(null::{table.SqlName}, @row::json)";

    private static NpgsqlCommand Command(UploadScope scope, string sql, UploadedWrite write)
    {
        var command = new NpgsqlCommand(sql, scope.Connection);
        command.Parameters.AddWithValue("row", Row(write));
        return command;
    }

    private static string Row(UploadedWrite write)
    {
        var row = new Dictionary<string, JsonElement> { ["id"] = JsonSerializer.SerializeToElement(write.Id) };
        if (write.Data is { } data)
        {
            foreach (var member in data.EnumerateObject())
            {
                if (member.Name != "id")
                    row[member.Name] = member.Value;
            }
        }
        return JsonSerializer.Serialize(row);
    }
}
