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

        var events = new DataQueryCompiler(context);
        foreach (var entry in file.Events)
        {
            var owner = new DefinitionPlan(-1, entry.Name, IsStream: false, IsDefault: false);
            foreach (var payload in entry.Payloads)
                events.CheckEvent(payload, owner);
        }
        return new RulesPlan(context.Definitions, context.Data, context.Lookups, context.Resolutions);
    }
}
