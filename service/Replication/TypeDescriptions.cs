using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>Which columns' types have to be looked up, because their oid does not say how they are built.</summary>
internal static class TypeDescriptions
{
    // Oids from here on are given out when a database is made or later. https://www.postgresql.org/docs/current/system-catalog-initial-data.html
    private const uint FirstAssignedId = 10_000;

    // Ranges, multiranges and their arrays, which every server has.
    private static bool IsRange(uint typeId) =>
        typeId is >= 3904 and <= 3913 or 3926 or 3927 or 4451 or (>= 4532 and <= 4536) or (>= 6150 and <= 6157);

    public static bool IsNeededFor(uint typeId) => typeId >= FirstAssignedId || IsRange(typeId);

    /// <summary>The types of a table's columns that have to be looked up.</summary>
    public static IReadOnlyCollection<uint> NeededFor(SourceTable table) =>
        [.. table.Columns.Select(column => column.TypeId).Where(IsNeededFor).Distinct()];

    /// <summary>The table with its columns' types described.</summary>
    public static SourceTable Describe(SourceTable table, IReadOnlyDictionary<uint, SourceType> types) => types.Count == 0
        ? table
        : table with { Columns = [.. table.Columns.Select(column => column with { Type = types.GetValueOrDefault(column.TypeId) })] };
}
