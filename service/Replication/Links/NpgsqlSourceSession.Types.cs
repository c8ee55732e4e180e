using System.Globalization;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <content>How types are built.</content>
internal sealed partial class NpgsqlSourceSession
{
    // Far deeper than values may nest; a chain of types that is longer is treated as text from there on.
    private const int DeepestType = 64;

    private const int FirstVersionWithMultiranges = 14;

    public async ValueTask<IReadOnlyDictionary<uint, SourceType>> FindTypesAsync(
        IReadOnlyCollection<uint> typeIds, CancellationToken cancellationToken)
    {
        var found = new Dictionary<uint, List<string?[]>>();
        var wanted = typeIds;
        while (wanted.Count > 0)
        {
            var rows = await QueryAsync(TypesQuery(wanted), cancellationToken);
            foreach (var parts in rows.GroupBy(row => TypeId(row[0])))
                found.Add(parts.Key, [.. parts]);
            wanted = [.. rows.Where(row => row[4] is not null).Select(row => TypeId(row[4])).Distinct()
                .Where(type => TypeDescriptions.IsNeededFor(type) && !found.ContainsKey(type))];
        }
        var types = new Dictionary<uint, SourceType>();
        foreach (var typeId in typeIds)
        {
            if (Build(typeId, found, depth: 1) is { Kind: not SourceTypeKind.Base } type)
                types[typeId] = type;
        }
        return types;
    }

    // https://www.postgresql.org/docs/current/catalog-pg-type.html, -range.html, -attribute.html. A row for each part of each type; one with an
    // empty part for a type that has none.
    private string TypesQuery(IEnumerable<uint> typeIds)
    {
        var rangeOfMultirange = connection.PostgreSqlVersion.Major < FirstVersionWithMultiranges
            ? ""
            : "UNION ALL SELECT 0, '', rngtypid FROM pg_catalog.pg_range WHERE t.typtype = 'm' AND rngmultitypid = t.oid";
        return $"""
            SELECT t.oid::text, t.typtype::text, element.typdelim::text, part.name::text, part.type::text
            FROM pg_catalog.pg_type t
            LEFT JOIN pg_catalog.pg_type element
                   ON element.oid = t.typelem AND t.typtype = 'b' AND t.typoutput = 'pg_catalog.array_out'::regproc
            LEFT JOIN LATERAL (
                SELECT 0 AS position, '' AS name, t.typbasetype AS type WHERE t.typtype = 'd'
                UNION ALL SELECT 0, '', element.oid WHERE element.oid IS NOT NULL
                UNION ALL SELECT 0, '', rngsubtype FROM pg_catalog.pg_range WHERE t.typtype = 'r' AND rngtypid = t.oid
                {rangeOfMultirange}
                UNION ALL SELECT attnum, attname, atttypid FROM pg_catalog.pg_attribute
                          WHERE t.typtype = 'c' AND attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped
            ) part ON true
            WHERE t.oid IN ({List(typeIds, type => type.ToString(CultureInfo.InvariantCulture))})
            ORDER BY t.oid, part.position
            """;
    }

    private static SourceType Build(uint typeId, Dictionary<uint, List<string?[]>> found, int depth)
    {
        if (depth > DeepestType || !found.TryGetValue(typeId, out var rows))
            return new SourceType(SourceTypeKind.Base, typeId, []);
        var kind = rows[0][1] switch
        {
            "d" => SourceTypeKind.Domain,
            "c" => SourceTypeKind.Composite,
            "r" => SourceTypeKind.Range,
            "m" => SourceTypeKind.Multirange,
            _ => rows[0][2] is null ? SourceTypeKind.Base : SourceTypeKind.Array,
        };
        var type = new SourceType(
            kind,
            typeId,
            [.. rows.Where(row => row[4] is not null).Select(row => new SourceTypeMember(row[3]!, Build(TypeId(row[4]), found, depth + 1)))]);
        return rows[0][2] is [var delimiter] ? type with { Delimiter = delimiter } : type;
    }

    private static uint TypeId(string? text) => uint.Parse(text!, CultureInfo.InvariantCulture);
}
