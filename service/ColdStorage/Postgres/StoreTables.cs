using Npgsql;
using TopGun.Buckets.BucketLog;

namespace TopGun.Buckets.ColdStorage.Postgres;

/// <summary>The store's tables: their names, how they are made, and their format.</summary>
/// <remarks>
/// Everything is in a schema of its own and is called <c>topgun_…</c>. <c>topgun_ops</c> is keyed by bucket first and <c>topgun_records</c> by key, so both can
/// be distributed over servers. Every table has a primary key: a publication FOR ALL TABLES would otherwise forbid our updates. The lease is not
/// logged: who renews it writes no WAL, and after a crash of the server nobody has it.
/// </remarks>
internal sealed class StoreTables(string schema)
{
    public const int Format = 1;

    private readonly string _schema = Quoted(schema);

    public string SchemaName => schema;

    public string Store => $"{_schema}.topgun_store";

    public string Lease => $"{_schema}.topgun_lease";

    public string Ops => $"{_schema}.topgun_ops";

    public string Meta => $"{_schema}.topgun_meta";

    public string Records => $"{_schema}.topgun_records";

    public string Writes => $"{_schema}.topgun_writes";

    /// <summary>Channel on which a writer says that there is something new.</summary>
    public string Channel => $"topgun_{schema}";

    public string TableOf(RecordTable table) => table == RecordTable.Meta ? Meta : Records;

    /// <summary>Makes what is missing, or brings an older format up to this one; refuses a newer one untouched.</summary>
    public async ValueTask PrepareAsync(NpgsqlConnection connection, string store, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        // Two processes that start at once on an empty database would both make the tables.
        await ExecuteAsync(connection, $"SELECT pg_advisory_xact_lock(hashtext('topgun'), hashtext('{schema.Replace("'", "''", StringComparison.Ordinal)}'))", cancellationToken);
        var found = await FindFormatAsync(connection, cancellationToken);
        if (found > Format)
            throw new StoreVersionException(store, found, Format);
        for (var step = found; step < Format; step++)
            await ExecuteAsync(connection, StepFrom(step), cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    /// <summary>Format of the tables that are there; 0 when there are none.</summary>
    public async ValueTask<int> FindFormatAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var exists = new NpgsqlCommand("SELECT to_regclass($1) IS NOT NULL", connection) { Parameters = { new() { Value = Store } } };
        if (!(bool)(await exists.ExecuteScalarAsync(cancellationToken))!)
            return 0;
        await using var format = new NpgsqlCommand($"SELECT format FROM {Store}", connection);
        return (int)(await format.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>What makes the next format of each. A step once released is never changed.</summary>
    private string StepFrom(int format) => format switch
    {
        0 => $"""
            CREATE SCHEMA IF NOT EXISTS {_schema};
            CREATE TABLE {Store} (
                one boolean PRIMARY KEY DEFAULT true CHECK (one),
                format integer NOT NULL,
                fence bigint NOT NULL,
                last_write bigint NOT NULL);
            INSERT INTO {Store} (format, fence, last_write) VALUES (1, 0, 0);
            CREATE UNLOGGED TABLE {Lease} (
                one boolean PRIMARY KEY DEFAULT true CHECK (one),
                fence bigint NOT NULL,
                holder text NOT NULL,
                pid integer NOT NULL,
                backend_start timestamptz,
                expires timestamptz NOT NULL);
            CREATE TABLE {Ops} (
                bucket bytea NOT NULL,
                last_op bigint NOT NULL,
                first_op bigint NOT NULL,
                ops bytea NOT NULL,
                PRIMARY KEY (bucket, last_op));
            ALTER TABLE {Ops} ALTER COLUMN ops SET STORAGE EXTERNAL;
            CREATE TABLE {Meta} (
                kind smallint NOT NULL, key bytea NOT NULL, rest bytea, crc integer NOT NULL, value bytea NOT NULL,
                PRIMARY KEY (kind, key));
            CREATE TABLE {Records} (
                kind smallint NOT NULL, key bytea NOT NULL, rest bytea, crc integer NOT NULL, value bytea NOT NULL,
                PRIMARY KEY (kind, key)) WITH (fillfactor = 90);
            CREATE TABLE {Writes} (
                id bigint PRIMARY KEY,
                notice bytea NOT NULL);
            """,
        _ => throw new ArgumentOutOfRangeException(nameof(format)),
    };

    private static async ValueTask ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static string Quoted(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
