using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Npgsql;

namespace TopGun.Buckets.Tests.Benchmarks.Source;

/// <summary>The tables, their rows, the rules over them, and the changes that are written to them.</summary>
/// <remarks>
/// Ids come from numbers through SHA-256: known to everybody, and without order, as ids made on devices are. Tasks go round the lists, and round the
/// owners. Every task is in two buckets, one by its owner and one by its list, so one change of a row makes two operations.
/// </remarks>
/// <param name="Tasks">Rows to begin with.</param>
/// <param name="Lists">Number of lists, and of the buckets by list.</param>
/// <param name="ClientLists">How many of the lists the benchmark's own client has.</param>
/// <param name="Store">Backend of the store that the service fills with them.</param>
internal sealed record BenchmarkData(int Tasks, int Lists, int ClientLists, string Store)
{
    public const string Publication = "topgun";

    public const string Rules = """
        bucket_definitions:
          by_owner:
            parameters: SELECT request.user_id() AS owner_id
            data:
              - SELECT * FROM tasks WHERE owner_id = bucket.owner_id
          by_list:
            parameters: SELECT id AS list_id FROM lists WHERE owner_id = request.user_id()
            data:
              - SELECT * FROM tasks WHERE list_id = bucket.list_id
          global:
            data:
              - SELECT * FROM notices
        """;

    private const int Owners = 100;
    private const int Notices = 100;

    // Half of a transaction's changes insert rows, half update rows that exist; ids are looked up by the primary key.
    private const string Schema = """
        CREATE FUNCTION id_of(kind text, number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
            RETURN substr(encode(sha256((kind || '-' || number)::bytea), 'hex'), 1, 32)::uuid;

        CREATE TABLE lists (
            id uuid PRIMARY KEY, owner_id uuid NOT NULL, name text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
        CREATE TABLE tasks (
            id uuid PRIMARY KEY, list_id uuid NOT NULL, owner_id uuid NOT NULL, description text NOT NULL,
            done boolean NOT NULL DEFAULT false, priority int NOT NULL DEFAULT 0,
            created_at timestamptz NOT NULL DEFAULT now(), done_at timestamptz);
        CREATE TABLE notices (id uuid PRIMARY KEY, title text NOT NULL, body text NOT NULL);

        CREATE PROCEDURE add_tasks(first_task bigint, tasks int, lists int, owners int) LANGUAGE sql AS $$
            INSERT INTO tasks (id, list_id, owner_id, description)
            SELECT id_of('task', n), id_of('list', n % lists), id_of('owner', n % owners), repeat(md5(n::text), 3)
            FROM generate_series(first_task, first_task + tasks - 1) n
        $$;

        CREATE PROCEDURE change_tasks(changes int, per_transaction int, lists int, owners int) LANGUAGE plpgsql AS $$
        DECLARE
            known bigint := (SELECT count(*) FROM tasks);
            added bigint := known;
            changed bigint := 0;
            pending int := changes;
            inserts int;
            updates int;
        BEGIN
            WHILE pending > 0 LOOP
                updates := CASE WHEN per_transaction = 1 THEN pending % 2 ELSE least(pending, per_transaction) / 2 END;
                inserts := least(pending, per_transaction) - updates;
                IF inserts > 0 THEN
                    CALL add_tasks(added, inserts, lists, owners);
                END IF;
                IF updates > 0 THEN
                    UPDATE tasks SET done = NOT done, priority = priority + 1, done_at = now()
                    WHERE id = ANY (ARRAY(SELECT id_of('task', n % known) FROM generate_series(changed, changed + updates - 1) n));
                END IF;
                COMMIT;
                added := added + inserts;
                changed := changed + updates;
                pending := pending - inserts - updates;
            END LOOP;
        END $$;
        """;

    /// <summary>The <c>sub</c> of the benchmark's own client, who owns lists but no tasks.</summary>
    public static string ClientUser => Id("list-owner-0").ToString();

    /// <summary>An owner of every hundredth task.</summary>
    public static string Owner => Id("owner-0").ToString();

    /// <summary>The <c>sub</c> of somebody who owns the last list and nothing else, unless the benchmark's own client has them all.</summary>
    public string UserOfOneList => Id(string.Create(CultureInfo.InvariantCulture, $"list-owner-{Lists - 1}")).ToString();

    /// <summary>Gives <see cref="ClientUser"/> and <see cref="UserOfOneList"/> a new list each.</summary>
    public string JoinSql =>
        $"INSERT INTO lists (id, owner_id, name) SELECT gen_random_uuid(), owner::uuid, 'new' FROM unnest(ARRAY['{ClientUser}', '{UserOfOneList}']) owner";

    /// <summary>Rows of all tables.</summary>
    public int Rows => Tasks + Lists + Notices;

    /// <summary>Rows that the benchmark's own client has: the tasks of its lists, and the notices.</summary>
    public int ClientRows => (Tasks / Lists * ClientLists) + Math.Min(Tasks % Lists, ClientLists) + Notices;

    public async Task CreateAsync(BenchmarkSource source, CancellationToken cancellationToken)
    {
        await source.ExecuteAsync(Schema, cancellationToken);
        await source.ExecuteAsync($"CREATE PUBLICATION {Publication} FOR TABLE lists, tasks, notices", cancellationToken);
        await source.ExecuteAsync("""
            INSERT INTO lists (id, owner_id, name)
            SELECT id_of('list', n), id_of('list-owner', CASE WHEN n < $2 THEN 0 ELSE n END), 'List ' || n
            FROM generate_series(0, $1 - 1) n
            """, cancellationToken, Lists, ClientLists);
        await source.ExecuteAsync("""
            INSERT INTO notices
            SELECT id_of('notice', n), 'Notice ' || n, repeat(md5(n::text), 2) FROM generate_series(0, $1 - 1) n
            """, cancellationToken, Notices);
        await source.ExecuteAsync("CALL add_tasks(0, $1, $2, $3)", cancellationToken, Tasks, Lists, Owners);
        await source.ExecuteAsync("VACUUM ANALYZE", cancellationToken);
        await source.ExecuteAsync("CHECKPOINT", cancellationToken);
    }

    /// <summary>Writes changes as fast as the server takes them, then marks the last with a number.</summary>
    public async Task ChangeAsync(
        BenchmarkSource source, int changes, int perTransaction, long marker, CancellationToken cancellationToken)
    {
        // These commits only make a backlog: nobody measures them, so they need not wait for the disk.
        await using var connection = await source.DataSource.OpenConnectionAsync(cancellationToken);
        string[] statements =
        [
            "SET synchronous_commit = off",
            string.Create(CultureInfo.InvariantCulture, $"CALL change_tasks({changes}, {perTransaction}, {Lists}, {Owners})"),
            "SET synchronous_commit = on",
            MarkSql(marker),
        ];
        foreach (var statement in statements)
        {
            await using var command = new NpgsqlCommand(statement, connection) { CommandTimeout = 0 };
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <summary>Adds rows and marks the last with a number, all in one transaction.</summary>
    public async Task AddAsync(BenchmarkSource source, int rows, long marker, CancellationToken cancellationToken)
    {
        await using var connection = await source.DataSource.OpenConnectionAsync(cancellationToken);
        string[] statements =
        [
            "BEGIN",
            string.Create(CultureInfo.InvariantCulture, $"CALL add_tasks({Tasks}, {rows}, {Lists}, {Owners})"),
            MarkSql(marker),
            "COMMIT",
        ];
        foreach (var statement in statements)
        {
            await using var command = new NpgsqlCommand(statement, connection) { CommandTimeout = 0 };
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <summary>An update of one row that everybody has, recognisable by its number.</summary>
    public static string MarkSql(long marker) => string.Create(
        CultureInfo.InvariantCulture, $"UPDATE notices SET body = '{Marker.Prefix}{marker:D12}' WHERE id = '{Id("notice-0")}'");

    /// <summary>An update of one task in a list of the benchmark's own client.</summary>
    public static string ChangeClientTaskSql => $"UPDATE tasks SET priority = priority + 1 WHERE id = '{Id("task-0")}'";

    /// <summary>The same as <c>id_of(kind, number)</c> in the database.</summary>
    private static Guid Id(string name) => Guid.Parse(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..32]);
}
