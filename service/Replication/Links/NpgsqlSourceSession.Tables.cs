using System.Globalization;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <content>What the catalogue says of tables.</content>
internal sealed partial class NpgsqlSourceSession
{
    private const int FirstVersionWithColumnLists = 150000;
    private const int FirstVersionWithGeneratedColumns = 180000; // in publications that ask for them

    public async ValueTask<IReadOnlyList<SourceTableInfo>> FindTablesAsync(
        IReadOnlyList<TablePattern> patterns, CancellationToken cancellationToken)
    {
        if (patterns.Count == 0)
            return [];
        var version = Number((await QueryAsync("SHOW server_version_num", cancellationToken))[0][0]);
        var rows = await QueryAsync(TablesQuery(patterns, version), cancellationToken);
        var tables = rows.GroupBy(row => row[0]).Select(columns => ReadTable([.. columns])).ToList();
        var types = await FindTypesAsync(
            [.. tables.SelectMany(table => TypeDescriptions.NeededFor(table.Table)).Distinct()], cancellationToken);
        var shapes = await FindShapesAsync([.. rows.Select(row => row[0]!).Distinct()], version, cancellationToken);
        return
        [
            .. tables.Select(table => table with
            {
                Table = TypeDescriptions.Describe(table.Table, types),
                Shape = shapes.GetValueOrDefault(table.Table.RelationId.ToString(CultureInfo.InvariantCulture)),
            }),
        ];
    }

    // One row per column of each table that the stream brings. From version 18 on the publication names those itself, perhaps with generated ones.
    private string TablesQuery(IReadOnlyList<TablePattern> patterns, int version)
    {
        var hasColumnLists = version >= FirstVersionWithColumnLists;
        var wanted = string.Join(" OR ", patterns.Select(Matches));
        var rowFilter = hasColumnLists ? "pt.rowfilter" : "NULL";
        var isListed = version switch
        {
            >= FirstVersionWithGeneratedColumns => "AND CASE WHEN pt.attnames IS NULL THEN a.attgenerated = '' ELSE a.attname = ANY (pt.attnames) END",
            >= FirstVersionWithColumnLists => "AND a.attgenerated = '' AND (pt.attnames IS NULL OR a.attname = ANY (pt.attnames))",
            _ => "AND a.attgenerated = ''",
        };
        var schemas = version >= FirstVersionWithColumnLists
            ? "OR EXISTS (SELECT FROM pg_publication_namespace s WHERE s.pnpubid = p.oid AND s.pnnspid = root.relnamespace)"
            : "";
        return $"""
            SELECT c.oid::text, n.nspname::text, c.relname::text, c.relkind::text, c.relreplident::text, c.relpersistence::text,
                   c.reltuples::bigint::text, (pt.tablename IS NOT NULL)::text,
                   has_table_privilege(c.oid, 'SELECT')::text, row_security_active(c.oid)::text, {rowFilter}::text,
                   a.attname::text, a.atttypid::text, a.atttypmod::text,
                   array_position(key.indkey::int2[], a.attnum)::text, (deferred.indexrelid IS NOT NULL)::text, pg_has_role(c.relowner, 'USAGE')::text,
                   (c.relpages::bigint + coalesce(toast.relpages, 0))::text, whole.schema, whole.name
            FROM pg_class c
            JOIN pg_namespace n ON n.oid = c.relnamespace
            LEFT JOIN pg_class toast ON toast.oid = c.reltoastrelid
            LEFT JOIN pg_publication_tables pt
                   ON pt.pubname = {SqlText.Literal(publication)} AND pt.schemaname = n.nspname AND pt.tablename = c.relname
            LEFT JOIN pg_index key
                   ON key.indrelid = c.oid AND key.indisvalid AND key.indimmediate
                  AND CASE c.relreplident WHEN 'i' THEN key.indisreplident WHEN 'n' THEN false ELSE key.indisprimary END
            LEFT JOIN pg_index deferred ON deferred.indrelid = c.oid AND deferred.indisprimary AND NOT deferred.indimmediate
            LEFT JOIN pg_attribute a
                   ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped {isListed}
            LEFT JOIN LATERAL (
                SELECT place.nspname::text AS schema, root.relname::text AS name
                FROM pg_publication p
                CROSS JOIN pg_partition_ancestors(c.oid) WITH ORDINALITY ancestor(id, depth)
                JOIN pg_class root ON root.oid = ancestor.id
                JOIN pg_namespace place ON place.oid = root.relnamespace
                WHERE c.relispartition AND p.pubname = {SqlText.Literal(publication)} AND p.pubviaroot AND root.oid <> c.oid
                  AND (p.puballtables OR EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = root.oid) {schemas})
                ORDER BY ancestor.depth DESC LIMIT 1) whole ON true
            WHERE (c.relkind = 'r' OR c.relkind = 'p' AND pt.tablename IS NOT NULL)
              AND c.relpersistence <> 't' AND ({wanted})
            ORDER BY n.nspname, c.relname, a.attnum
            """;
    }

    private static string Matches(TablePattern pattern)
    {
        var name = pattern.Name.EndsWith('%')
            ? $"starts_with(c.relname::text, {SqlText.Literal(pattern.Name[..^1])})"
            : $"c.relname = {SqlText.Literal(pattern.Name)}";
        var schema = pattern.Schema.EndsWith('%')
            ? $"starts_with(n.nspname::text, {SqlText.Literal(pattern.Schema[..^1])}) AND NOT starts_with(n.nspname::text, 'pg_') AND n.nspname <> 'information_schema'"
            : $"n.nspname = {SqlText.Literal(pattern.Schema)}";
        return $"{schema} AND {name}";
    }

    private static SourceTableInfo ReadTable(IReadOnlyList<string?[]> rows)
    {
        var first = rows[0];
        var described = rows.Where(row => row[11] is not null).ToList();
        var hasKey = described.Any(row => row[14] is not null);
        var identity = first[4] switch
        {
            "n" => ReplicaIdentity.Nothing,
            "f" => ReplicaIdentity.Full,
            "i" => ReplicaIdentity.Index,
            _ => ReplicaIdentity.Default,
        };
        var columns = described.Select(row => new SourceColumn(
            row[11]!,
            uint.Parse(row[12]!, CultureInfo.InvariantCulture),
            Number(row[13]),
            // Without a primary key, identity full makes the whole row its key.
            IsKey: hasKey ? row[14] is not null : identity == ReplicaIdentity.Full));
        var (problem, remedy) = FindProblem(
            SqlText.Name(first[1]!, first[2]!), identity, hasKey, isUnlogged: first[5] == "u", isDeferred: first[15] == "true");
        var table = new SourceTable(
            uint.Parse(first[0]!, CultureInfo.InvariantCulture), first[1]!, first[2]!, [.. columns], identity);
        return new SourceTableInfo(
            table,
            EstimatedRows: long.Parse(first[6]!, CultureInfo.InvariantCulture),
            IsPublished: first[7] == "true",
            CanSelect: first[8] == "true",
            HasRowSecurity: first[9] == "true",
            RowFilter: first[10],
            Problem: problem)
        {
            Remedy = remedy,
            PublishedRoot = first[19] is { } root ? new TablePattern(first[18]!, root) : null,
            CanReadByKey = hasKey,
            KeyOrder = hasKey ? KeyOrder(described) : null,
            EstimatedBlocks = long.Parse(first[17]!, CultureInfo.InvariantCulture),
            IsOwned = first[16] == "true",
            IsPartitioned = first[3] == "p",
        };
    }

    private static int[] KeyOrder(List<string?[]> columns) =>
    [
        .. Enumerable.Range(0, columns.Count)
            .Where(column => columns[column][14] is not null)
            .OrderBy(column => Number(columns[column][14])),
    ];

    private static (string? Problem, string? Remedy) FindProblem(string table, ReplicaIdentity identity, bool hasKey, bool isUnlogged, bool isDeferred)
    {
        if (isUnlogged)
            return ("it is unlogged, so its changes are not in the WAL", $"ALTER TABLE {table} SET LOGGED;");
        if (hasKey || identity == ReplicaIdentity.Full)
            return (null, null);
        return identity switch
        {
            ReplicaIdentity.Nothing => ("its replica identity is NOTHING", $"ALTER TABLE {table} REPLICA IDENTITY DEFAULT;"),
            ReplicaIdentity.Index => ("the index of its replica identity does not exist any more", $"ALTER TABLE {table} REPLICA IDENTITY DEFAULT;"),
            _ => (isDeferred ? "its primary key is deferrable, which cannot identify rows" : "it has no primary key", $"ALTER TABLE {table} ADD PRIMARY KEY (…);"),
        };
    }
}
