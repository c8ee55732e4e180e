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
    IReadOnlyList<DataQueryEntry> Data,
    int? Priority,
    bool AcceptsDanger);

internal sealed record StreamEntry(
    string Name,
    YamlPlace Place,
    IReadOnlyList<DataQueryEntry> Queries,
    IReadOnlyList<CteEntry> Ctes,
    bool AutoSubscribe,
    int Priority,
    bool AcceptsDanger);

/// <summary>A query whose rows go to clients.</summary>
/// <param name="Text">The query.</param>
/// <param name="Key">Output columns that the id on the client is made of; empty when it is the column <c>id</c>.</param>
internal sealed record DataQueryEntry(QueryText Text, IReadOnlyList<KeyColumn> Key);

/// <summary>A column named under <c>key</c>.</summary>
internal sealed record KeyColumn(string Name, YamlPlace Place);

/// <summary>A named query of a <c>with</c> block.</summary>
internal sealed record CteEntry(string Name, YamlPlace Place, QueryText Query);

internal sealed record EventEntry(string Name, IReadOnlyList<QueryText> Payloads);
