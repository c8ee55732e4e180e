namespace TopGun.Buckets.SyncRules.Yaml;

/// <summary>The structure of a rules file after its keys and types were checked; queries are still text.</summary>
internal sealed record RulesFile(
    RulesSettings Settings,
    IReadOnlyList<BucketDefinitionEntry> BucketDefinitions,
    IReadOnlyList<StreamEntry> Streams,
    IReadOnlyList<CteEntry> GlobalCtes,
    IReadOnlyList<EventEntry> Events);

internal sealed record BucketDefinitionEntry(
    string Name,
    YamlPlace Place,
    IReadOnlyList<QueryText> Parameters,
    IReadOnlyList<QueryText> Data,
    int? Priority,
    bool AcceptsDanger);

internal sealed record StreamEntry(
    string Name,
    YamlPlace Place,
    IReadOnlyList<QueryText> Queries,
    IReadOnlyList<CteEntry> Ctes,
    bool AutoSubscribe,
    int Priority,
    bool AcceptsDanger);

/// <summary>A named query of a <c>with</c> block.</summary>
internal sealed record CteEntry(string Name, YamlPlace Place, QueryText Query);

internal sealed record EventEntry(string Name, IReadOnlyList<QueryText> Payloads);
