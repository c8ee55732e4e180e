using TopGun.Buckets.SyncRules.Compilation.Streams;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Compiles a bucket definition in the simplest form that can express it.</summary>
internal sealed class BucketDefinitionCompiler(CompileContext context)
{
    public void Compile(BucketDefinitionEntry entry)
    {
        var definition = new DefinitionPlan(context.Definitions.Count, entry.Name, IsStream: false, IsDefault: true);
        context.Definitions.Add(definition);
        if (!context.Settings.ExtendedDefinitions)
        {
            new PlainDefinitionCompiler(context, entry, definition).Compile();
            return;
        }

        // What the plain form can express stays in it, so that the switch changes no bucket of a definition that worked without it.
        var attempt = context.Attempt();
        new PlainDefinitionCompiler(attempt, entry, definition).Compile();
        if (attempt.Findings.HasErrors)
            new ExtendedDefinitionCompiler(context, entry, definition).Compile();
        else
            context.Absorb(attempt);
    }
}
