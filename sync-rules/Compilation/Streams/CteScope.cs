using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation.Streams;

/// <summary>A named query, parsed once and compiled anew at each use.</summary>
/// <param name="entry">Its name and text.</param>
/// <param name="select">Null when it did not parse, which is reported.</param>
/// <param name="report">For mistakes in its text.</param>
/// <param name="isGlobal">Whether it is of the file; then it does not see those of a stream.</param>
internal sealed class Cte(CteEntry entry, SelectSyntax? select, QueryReport report, bool isGlobal)
{
    public CteEntry Entry => entry;

    public bool IsGlobal => isGlobal;

    public SelectSyntax? Select => select;

    public QueryReport Report => report;

    public bool IsUsed { get; set; }
}

/// <summary>Named queries that a query sees: those of its stream hide those of the file.</summary>
internal sealed class CteScope(IReadOnlyList<Cte> local, IReadOnlyList<Cte> global)
{
    /// <summary>For queries that have none.</summary>
    public static readonly CteScope Empty = new([], []);

    public static List<Cte> Parse(IEnumerable<CteEntry> entries, CompileContext context, bool isGlobal) =>
        [.. entries.Select(entry => new Cte(entry, context.Parse(entry.Query), new QueryReport(entry.Query, context.Findings), isGlobal))];

    public Cte? Find(string name) => Find(local, name) ?? Find(global, name);

    /// <summary>What a named query of the file sees.</summary>
    public Cte? FindGlobal(string name) => Find(global, name);

    private static Cte? Find(IReadOnlyList<Cte> ctes, string name) =>
        ctes.FirstOrDefault(cte => string.Equals(cte.Entry.Name, name, StringComparison.OrdinalIgnoreCase));
}
