using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Compiles a bucket definition: its parameter queries first, because they name the bucket parameters.</summary>
internal sealed class BucketDefinitionCompiler(CompileContext context)
{
    public void Compile(BucketDefinitionEntry entry)
    {
        var definition = new DefinitionPlan(context.Definitions.Count, entry.Name, IsStream: false, IsDefault: true);
        context.Definitions.Add(definition);
        var family = new BucketFamily(definition, Variant: null);
        var names = CompileParameters(entry, family);
        var data = new DataQueryCompiler(context);
        foreach (var query in entry.Data)
            data.Compile(query, family, names);
    }

    // Null when some parameter query has errors, so that data queries are not blamed for them.
    private IReadOnlyList<string>? CompileParameters(BucketDefinitionEntry entry, BucketFamily family)
    {
        if (entry.Parameters.Count == 0)
        {
            context.Resolutions.Add(new ResolutionPlan(
                family, entry.Priority ?? 3, [], [], [], KeepsNull: true, MergesEqual: false));
            return [];
        }
        var compiler = new ParameterQueryCompiler(context, entry, family);
        var outcomes = entry.Parameters.Select((query, index) => compiler.Compile(query, index + 1)).ToList();
        if (outcomes.Any(outcome => outcome is null))
            return null;

        // Ids list values in the order of the first query, whatever the order of the others.
        var names = outcomes[0]!.Names;
        var agree = true;
        foreach (var outcome in outcomes.OfType<ParameterQueryCompiler.Outcome>())
        {
            if (outcome.Names.ToHashSet(StringComparer.Ordinal).SetEquals(names))
            {
                context.Resolutions.Add(outcome.Build(names));
                continue;
            }
            agree = false;
            outcome.Report.Error(SqlProblem.Semantics(
                outcome.Select.Span, $"Every parameter query of a definition must output the same names; the first one outputs {List(names)}."));
        }
        return agree ? names : null;
    }

    private static string List(IReadOnlyList<string> names) =>
        names.Count == 0 ? "none" : string.Join(", ", names.Select(name => $"'{name}'"));
}
