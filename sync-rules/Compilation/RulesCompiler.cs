using TopGun.Buckets.SyncRules.Compilation.Streams;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Compiles a whole file.</summary>
internal static class RulesCompiler
{
    public static RulesPlan Compile(RulesFile file, RuleSetOptions options, Findings findings)
    {
        var context = new CompileContext(file, options, findings);
        var definitions = new BucketDefinitionCompiler(context);
        foreach (var entry in file.BucketDefinitions)
            definitions.Compile(entry);
        StreamsCompiler.Compile(file, context);
        CheckBucketNames(file, context);

        var events = new EventCompiler(context);
        foreach (var entry in file.Events)
            events.Compile(entry);
        return new RulesPlan(context.Definitions, context.Data, context.Lookups, context.Resolutions);
    }

    // Names are free text, so a definition can be called what the buckets of another one's alternative are called.
    private static void CheckBucketNames(RulesFile file, CompileContext context)
    {
        var owners = new Dictionary<string, DefinitionPlan>(StringComparer.Ordinal);
        foreach (var family in context.Resolutions.Select(resolution => resolution.Family))
        {
            if (owners.TryAdd(family.Name, family.Definition) || owners[family.Name] == family.Definition)
                continue;
            var other = owners[family.Name];
            var later = family.Definition.Index > other.Index ? family.Definition : other;
            var place = file.BucketDefinitions.Where(entry => entry.Name == later.Name).Select(entry => entry.Place)
                .Concat(file.Streams.Where(entry => entry.Name == later.Name).Select(entry => entry.Place)).First();
            context.Findings.Error(FindingClass.YamlStructure, place,
                $"Buckets of '{family.Definition.Name}' and of '{other.Name}' would both be named '{family.Name}[…]'; rename one of the two.");
        }
    }
}
