using System.Text.Json;
using System.Text.Json.Serialization;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog;

/// <summary>Remembers which bucket definitions the store was filled by, and which version each of them got.</summary>
public static class RulesRegistry
{
    // Raise it when the same rules and row give another output than before: everything is then evaluated anew.
    private const int EvaluatorVersion = 1;

    /// <summary>Decides the versions of definitions: one that the store knows keeps its own, a changed or new one gets the next.</summary>
    /// <param name="storage">The opened store.</param>
    /// <param name="definitions">Definitions of the rules file, compiled without versions.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    /// <returns>Versions to compile the rules with, to be given to <see cref="BucketLogWriter"/> together with the result.</returns>
    public static async ValueTask<RulesPlan> PlanAsync(
        IColdStorage storage, IReadOnlyList<RuleDefinition> definitions, CancellationToken cancellationToken)
    {
        var query = new RecordQuery();
        query.Add(RecordTable.Meta, MetaKey.Rules);
        await storage.GetAsync(query, cancellationToken);
        var stored = query.TryGetValue(0, out var value) ? Parse(value.Span) : new StoredRules(EvaluatorVersion, 0, []);

        var last = stored.LastVersion;
        var isChanged = stored.Evaluator != EvaluatorVersion || stored.Definitions.Count != definitions.Count;
        List<StoredDefinition> planned = [];
        foreach (var definition in definitions)
        {
            var known = Find(stored, definition);
            isChanged |= known is null;
            planned.Add(known ?? new StoredDefinition(definition.Name, definition.Fingerprint, ++last));
        }
        var record = JsonSerializer.SerializeToUtf8Bytes(
            new StoredRules(EvaluatorVersion, last, planned), RulesJsonContext.Default.StoredRules);
        return new RulesPlan(planned.ToDictionary(definition => definition.Name, definition => definition.Version), isChanged, record);
    }

    private static StoredDefinition? Find(StoredRules stored, RuleDefinition definition)
    {
        if (stored.Evaluator != EvaluatorVersion)
            return null;
        foreach (var known in stored.Definitions)
        {
            if (known.Name == definition.Name && known.Fingerprint == definition.Fingerprint)
                return known;
        }
        return null;
    }

    private static StoredRules Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, RulesJsonContext.Default.StoredRules) ?? throw new DamagedRecordException();
        }
        catch (JsonException cause)
        {
            throw new DamagedRecordException(cause);
        }
    }
}

/// <summary>Versions of the definitions of a rules file.</summary>
public sealed class RulesPlan
{
    internal RulesPlan(IReadOnlyDictionary<string, int> versions, bool isChanged, byte[] record)
    {
        Versions = versions;
        IsChanged = isChanged;
        Record = record;
    }

    /// <summary>By definition name; for <see cref="RuleSetOptions.Versions"/>.</summary>
    public IReadOnlyDictionary<string, int> Versions { get; }

    /// <summary>Whether the store was filled by other definitions (or by none), so that it has to be filled anew.</summary>
    public bool IsChanged { get; }

    internal byte[] Record { get; }
}

internal sealed record StoredRules(int Evaluator, int LastVersion, IReadOnlyList<StoredDefinition> Definitions);

internal sealed record StoredDefinition(string Name, string Fingerprint, int Version);

[JsonSerializable(typeof(StoredRules))]
internal sealed partial class RulesJsonContext : JsonSerializerContext;
