using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Compiles a bucket definition in its plain form: its parameter queries first, because they name the bucket parameters.</summary>
internal sealed class PlainDefinitionCompiler(CompileContext context, BucketDefinitionEntry entry, DefinitionPlan definition)
{
    public void Compile()
    {
        var family = new BucketFamily(definition, Variant: null);
        var names = CompileParameters(family);
        var data = new DataQueryCompiler(context);
        foreach (var query in entry.Data)
            data.Compile(query, family, names);
    }

    // Null when some parameter query has errors, so that data queries are not blamed for them.
    private IReadOnlyList<string>? CompileParameters(BucketFamily family)
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
            outcome.Report.Error(OtherNames(outcome.Select, names));
        }
        return agree ? names : null;
    }

    /// <summary>The mistake of a parameter query that does not output what the first one does.</summary>
    public static SqlProblem OtherNames(SelectSyntax select, IReadOnlyList<string> names)
    {
        var list = names.Count == 0 ? "none" : string.Join(", ", names.Select(name => $"'{name}'"));
        return SqlProblem.Semantics(select.Span, $"Every parameter query of a definition must output the same names; the first one outputs {list}.");
    }
}
