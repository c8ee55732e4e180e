namespace TopGun.Buckets.Replication;

/// <content>What the catalogue says of tables beyond their columns.</content>
internal sealed partial class NpgsqlSourceSession
{
    private const int FirstVersionWithShapes = 140000;
    private const int FirstUserOid = 16384; // FirstNormalObjectId: no enum or composite that can be altered is below

    private async ValueTask<Dictionary<string, TableShape>> FindShapesAsync(
        IReadOnlyList<string> relationIds, int version, CancellationToken cancellationToken)
    {
        if (relationIds.Count == 0 || version < FirstVersionWithShapes)
            return [];
        var rows = await QueryAsync(ShapesQuery(relationIds, version), cancellationToken);
        return rows.ToDictionary(row => row[0]!, row => ReplicationStateJson.ParseShape(row[1]!));
    }

    // Every name in it is one of pg_catalog, the only schema of the session's search_path. xmin is the transaction that wrote a row last.
    private string ShapesQuery(IReadOnlyList<string> relationIds, int version)
    {
        var isInStream = version >= FirstVersionWithGeneratedColumns ? "a.attgenerated IN ('', 's')" : "a.attgenerated = ''";
        var schemas = version >= FirstVersionWithColumnLists
            ? "UNION ALL SELECT s.oid, s.xmin FROM pg_publication_namespace s WHERE s.pnpubid = p.oid AND s.pnnspid = c.relnamespace"
            : "";
        return $"""
            SELECT c.oid::text, json_build_object(
                'p', (SELECT p.oid || ':' || p.xmin || coalesce((
                          SELECT string_agg(' ' || part.oid || ':' || part.xmin, '' ORDER BY part.oid)
                          FROM (SELECT r.oid, r.xmin FROM pg_publication_rel r
                                WHERE r.prpubid = p.oid AND (r.prrelid = c.oid OR r.prrelid IN (SELECT relid FROM pg_partition_ancestors(c.oid)))
                                {schemas}) part), '')
                      FROM pg_publication p WHERE p.pubname = {SqlText.Literal(publication)}),
                'x', EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
                             WHERE r.prrelid = c.oid AND p.pubname = {SqlText.Literal(publication)}),
                'f', c.relfilenode::bigint,
                'n', c.relnatts,
                'c', (SELECT coalesce(json_agg(json_build_object(
                          'n', a.attnum, 'a', a.attname, 't', a.atttypid::bigint, 'v', a.xmin::text, 'm', a.atthasmissing) ORDER BY a.attnum), '[]')
                      FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND {isInStream}),
                'l', CASE WHEN EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.atttypid >= {FirstUserOid}) THEN (
                          SELECT json_object_agg(named.key, named.name ORDER BY named.key) FROM (
                          WITH RECURSIVE types(id) AS (
                              SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                              UNION
                              SELECT part.id FROM types JOIN pg_type t ON t.oid = types.id CROSS JOIN LATERAL (
                                  SELECT t.typbasetype WHERE t.typtype = 'd'
                                  UNION ALL SELECT t.typelem WHERE t.typelem <> 0
                                  UNION ALL SELECT g.rngsubtype FROM pg_range g WHERE t.typtype IN ('r', 'm') AND t.oid IN (g.rngtypid, g.rngmultitypid)
                                  UNION ALL SELECT a.atttypid FROM pg_attribute a
                                            WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) part(id))
                          SELECT e.oid::text AS key, e.enumlabel::text AS name FROM types JOIN pg_enum e ON e.enumtypid = types.id
                          UNION ALL
                          SELECT a.attrelid || '.' || a.attnum, a.attname FROM types JOIN pg_type t ON t.oid = types.id AND t.typtype = 'c'
                          JOIN pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0) named) END,
                't', CASE WHEN c.relkind = 'p' THEN (
                          -- A partition that was created as one has the catalogue's row of that beside the rows of its own creation.
                          SELECT json_agg(json_build_object(
                              'i', leaf.oid::bigint, 'a', leaf.relname, 'f', leaf.relfilenode::bigint,
                              'j', i.xmin <> birth.xmin OR i.cmin::text::bigint - birth.cmin::text::bigint > 2) ORDER BY leaf.oid)
                          FROM pg_partition_tree(c.oid) tree JOIN pg_class leaf ON leaf.oid = tree.relid
                          JOIN pg_inherits i ON i.inhrelid = leaf.oid
                          JOIN pg_attribute birth ON birth.attrelid = leaf.oid AND birth.attnum = -1
                          WHERE tree.isleaf AND leaf.relkind = 'r') END)::text
            FROM pg_class c WHERE c.oid IN ({List(relationIds, id => id)})
            """;
    }
}
