using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation.Streams;

/// <summary>Compiles all streams of a file.</summary>
internal static class StreamsCompiler
{
    public static void Compile(RulesFile file, CompileContext context)
    {
        if (file.Settings.Edition == 2 && file.Streams.Count > 0)
        {
            context.Findings.Warning(FindingClass.StreamsPreviewEdition, file.Streams[0].Place,
                "Streams of edition 2 are a preview; edition 3 has all of the language.");
        }
        var global = CteScope.Parse(file.GlobalCtes, context, isGlobal: true);
        foreach (var entry in file.Streams)
        {
            var local = CteScope.Parse(entry.Ctes, context, isGlobal: false);
            new StreamCompiler(context, entry, new CteScope(local, global)).Compile();
            Check(local, new CteScope(local, global), context);
        }
        Check(global, new CteScope([], global), context);
    }

    // A named query that nothing uses is compiled all the same, for its mistakes.
    private static void Check(List<Cte> ctes, CteScope scope, CompileContext context)
    {
        var unused = ctes.Where(cte => !cte.IsUsed).ToList();
        foreach (var cte in ctes)
        {
            var entry = cte.Entry;
            var hidesTable = context.TablesOf(new TableMatch(TableMatch.DefaultConnection, context.DefaultSchema, entry.Name)).Count > 0;
            if (hidesTable)
                context.Findings.Warning(FindingClass.CteShadowsTable, entry.Place, $"The named query '{entry.Name}' hides the table of that name.");
            if (!unused.Contains(cte))
                continue;
            context.Findings.Warning(FindingClass.UnusedCte, entry.Place, $"The named query '{entry.Name}' is not used.");
            if (cte.Select is not null)
                CompileContext.Try(cte.Report, () => new StreamQuery(context, scope).InlineCte(cte, new TextSpan(0, 0), out _));
        }
    }
}
