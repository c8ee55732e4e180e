using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation.Streams;

/// <summary>A named query, parsed once and compiled anew at each use.</summary>
internal sealed class Cte(CteEntry entry, SelectSyntax? select, QueryReport report)
{
    public CteEntry Entry => entry;

    /// <summary>Null when it did not parse, which is reported.</summary>
    public SelectSyntax? Select => select;

    public QueryReport Report => report;

    public bool IsUsed { get; set; }
}

/// <summary>Named queries that a query sees: those of its stream hide those of the file.</summary>
internal sealed class CteScope(IReadOnlyList<Cte> local, IReadOnlyList<Cte> global)
{
    public static List<Cte> Parse(IEnumerable<CteEntry> entries, CompileContext context) =>
        [.. entries.Select(entry => new Cte(entry, context.Parse(entry.Query), new QueryReport(entry.Query, context.Findings)))];

    public Cte? Find(string name) => Find(local, name) ?? Find(global, name);

    private static Cte? Find(IReadOnlyList<Cte> ctes, string name) =>
        ctes.FirstOrDefault(cte => string.Equals(cte.Entry.Name, name, StringComparison.OrdinalIgnoreCase));
}
