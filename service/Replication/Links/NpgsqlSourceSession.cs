using System.Globalization;
using Npgsql;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>An ordinary session through Npgsql. Everything is asked for as text; one call at a time.</summary>
internal sealed partial class NpgsqlSourceSession(NpgsqlConnection connection, string publication) : ISourceSession
{
    public ValueTask DisposeAsync() => connection.DisposeAsync();

    public async ValueTask<ServerSettings> ReadSettingsAsync(CancellationToken cancellationToken)
    {
        string[] names =
        [
            "server_version_num", "wal_level", "max_replication_slots", "max_wal_senders", "wal_sender_timeout", "max_slot_wal_keep_size",
            .. PinnedSettings.Formats.Select(setting => setting.Name),
        ];
        var settings = $"SELECT name, setting FROM pg_settings WHERE name IN ({List(names, SqlText.Literal)})";
        var values = (await QueryAsync(settings, cancellationToken)).ToDictionary(row => row[0]!, row => row[1]!);
        const string state =
            "SELECT current_database()::text, (SELECT count(*) FROM pg_replication_slots)::text, (SELECT count(*) FROM pg_stat_replication)::text,"
            + " (SELECT rolsuper OR rolreplication OR EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolname = 'rds_replication'"
            + " AND pg_has_role(r.oid, 'MEMBER')) FROM pg_roles WHERE rolname = current_user)::text, pg_is_in_recovery()::text, has_database_privilege(current_database(), 'CREATE')::text";
        var row = (await QueryAsync(state, cancellationToken))[0];
        return new ServerSettings(Number(values["server_version_num"]), values)
        {
            FreeSlots = Number(values["max_replication_slots"]) - Number(row[1]),
            FreeWalSenders = Number(values["max_wal_senders"]) - Number(row[2]),
            CanReplicate = row[3] == "true",
            IsStandby = row[4] == "true",
            CanCreate = row[5] == "true",
            Database = row[0]!,
        };
    }

    public async ValueTask<PublicationStatus?> FindPublicationAsync(string publication, CancellationToken cancellationToken)
    {
        var rows = await QueryAsync(
            "SELECT pubinsert::text, pubupdate::text, pubdelete::text, pubtruncate::text, pubviaroot::text, pg_has_role(pubowner, 'USAGE')::text"
            + $" FROM pg_publication WHERE pubname = {SqlText.Literal(publication)}",
            cancellationToken);
        if (rows.Count == 0)
            return null;
        var tables = await QueryAsync(
            "SELECT schemaname::text, tablename::text FROM pg_publication_tables"
            + $" WHERE pubname = {SqlText.Literal(publication)} ORDER BY 1, 2",
            cancellationToken);
        var row = rows[0];
        return new PublicationStatus(
            publication,
            Insert: row[0] == "true",
            Update: row[1] == "true",
            Delete: row[2] == "true",
            Truncate: row[3] == "true",
            ViaRoot: row[4] == "true",
            [.. tables.Select(table => new TablePattern(table[0]!, table[1]!))])
        {
            IsOwned = row[5] == "true",
        };
    }

    public async ValueTask EnsurePublicationAsync(
        string publication, IReadOnlyList<TablePattern> tables, CancellationToken cancellationToken)
    {
        var existing = await FindPublicationAsync(publication, cancellationToken);
        // A table whose changes cannot be identified must never be added: its application's updates would fail from then on.
        var missing = (await FindTablesAsync(tables, cancellationToken))
            .Where(info => info is { Problem: null, PublishedRoot: null })
            .Where(info => existing?.Tables.Any(one => one.Schema == info.Table.Schema && one.Name == info.Table.Name) != true)
            .Select(info => SqlText.Name(info.Table.Schema, info.Table.Name))
            .ToList();
        if (missing.Count == 0)
            return;
        var list = string.Join(", ", missing);
        var statement = existing is null
            ? $"CREATE PUBLICATION {SqlText.Name(publication)} FOR TABLE {list}"
            : $"ALTER PUBLICATION {SqlText.Name(publication)} ADD TABLE {list}";
        try
        {
            await QueryAsync(statement, cancellationToken);
        }
        catch (BucketsException failure) when (failure.InnerException is PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege } cause)
        {
            throw new BucketsException(
                SourceFailure.PublicationForbidden,
                $"The role may not create or extend publication '{publication}': {cause.MessageText}.",
                $"Let the owner of the tables run: {statement};",
                cause);
        }
    }

    public async ValueTask<Lsn> ReadInsertPositionAsync(CancellationToken cancellationToken) =>
        Lsn.Parse((await QueryAsync("SELECT pg_current_wal_insert_lsn()::text", cancellationToken))[0][0]!);

    public async ValueTask EmitMessageAsync(string prefix, ReadOnlyMemory<byte> content, CancellationToken cancellationToken) => await QueryAsync(
        $"SELECT pg_logical_emit_message(true, {SqlText.Literal(prefix)}, decode('{Convert.ToHexString(content.Span)}', 'hex'))::text",
        cancellationToken);

    private async ValueTask<List<string?[]>> QueryAsync(string sql, CancellationToken cancellationToken)
    {
        try
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            var rows = new List<string?[]>();
            while (await reader.ReadAsync(cancellationToken))
            {
                var row = new string?[reader.FieldCount];
                for (var column = 0; column < row.Length; column++)
                    row[column] = await reader.IsDBNullAsync(column, cancellationToken) ? null : reader.GetString(column);
                rows.Add(row);
            }
            return rows;
        }
        catch (Exception failure) when (NpgsqlFailure.IsOurs(failure))
        {
            throw NpgsqlFailure.Name(failure, slot: null);
        }
    }

    private static int Number(string? text) => int.Parse(text ?? "", CultureInfo.InvariantCulture);
}
