using TopGun.Buckets.SyncRules.Expressions;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>A rules file compiled: bucket definitions and streams in one form.</summary>
/// <remarks>
/// row → buckets through <see cref="DataPlan"/>, row → lookup entries through <see cref="LookupPlan"/>, request → buckets through
/// <see cref="ResolutionPlan"/>. A family's arity and key order are what the row side and the request side agree on.
/// </remarks>
internal sealed record RulesPlan(
    IReadOnlyList<DefinitionPlan> Definitions,
    IReadOnlyList<DataPlan> Data,
    IReadOnlyList<LookupPlan> Lookups,
    IReadOnlyList<ResolutionPlan> Resolutions)
{
    private readonly ILookup<DefinitionPlan, ResolutionPlan> _resolutions = Resolutions.ToLookup(resolution => resolution.Family.Definition);

    /// <summary>How requests find the buckets of a definition.</summary>
    public IEnumerable<ResolutionPlan> ResolutionsOf(DefinitionPlan definition) => _resolutions[definition];
}

/// <summary>One bucket definition or stream.</summary>
/// <param name="Index">Position in file order.</param>
/// <param name="Name">As in the file.</param>
/// <param name="IsStream">Whether clients can subscribe to it.</param>
/// <param name="IsDefault">Whether every client gets it without asking.</param>
internal sealed record DefinitionPlan(int Index, string Name, bool IsStream, bool IsDefault)
{
    /// <summary>Whether it is an event definition: it has an index that clients' write checkpoints are found in, and no buckets.</summary>
    public bool IsEvent { get; init; }
}

/// <summary>Buckets that differ only in their key values.</summary>
/// <param name="Definition">Whose buckets they are.</param>
/// <param name="Variant">Number within a stream, or null for a bucket definition, which has one family.</param>
internal sealed record BucketFamily(DefinitionPlan Definition, int? Variant)
{
    /// <summary>Name without version and key values.</summary>
    public string Name => Variant is { } variant ? $"{Definition.Name}|{variant}" : Definition.Name;
}

/// <summary>Rows of a <c>json_each</c> call, or elements of an array on the right side of IN.</summary>
/// <param name="Input">JSON text; null has no rows.</param>
/// <param name="IsMembership">Only arrays count, and integers stay integers.</param>
/// <param name="Index">How expressions over the same row tell it from other calls.</param>
internal sealed record EachSource(Expression Input, bool IsMembership, int Index = 0);

/// <summary>When a row belongs to a bucket or an index, and under which key values.</summary>
/// <param name="Filters">All must be true.</param>
/// <param name="Each">Sources that multiply the row; expressions refer to them by position.</param>
/// <param name="Keys">Key values; null or a blob drops the combination.</param>
/// <param name="Equalities">Pairs that must be equal as keys.</param>
internal sealed record RowMatch(
    IReadOnlyList<Expression> Filters,
    IReadOnlyList<EachSource> Each,
    IReadOnlyList<Expression> Keys,
    IReadOnlyList<(Expression Left, Expression Right)> Equalities);

/// <summary>Which rows of a table a client may get, in which form, and in which buckets.</summary>
/// <param name="Definition">Whose query it is.</param>
/// <param name="Table">Where rows come from.</param>
/// <param name="Columns">Names of the columns that expressions refer to by slot.</param>
/// <param name="OutputTable">Client table, or null for the source table's own name.</param>
/// <param name="Projection">What the client receives.</param>
/// <param name="Memberships">Alternatives; a row can satisfy several.</param>
internal sealed record DataPlan(
    DefinitionPlan Definition,
    TableMatch Table,
    IReadOnlyList<string> Columns,
    string? OutputTable,
    Projection Projection,
    IReadOnlyList<(BucketFamily Family, RowMatch Match)> Memberships)
{
    /// <summary>Where the query stands in the file, for explanations.</summary>
    public SourceText? Written { get; init; }
}

/// <summary>One item of a select list.</summary>
/// <param name="Name">Output name; unused for a star.</param>
/// <param name="Expression">Null for a star.</param>
internal sealed record OutputItem(string Name, Expression? Expression);

/// <summary>A select list.</summary>
/// <param name="Items">In order.</param>
/// <param name="StarDropsUnderscore">A star leaves out columns whose name starts with an underscore, and loses to items before it.</param>
internal sealed record Projection(IReadOnlyList<OutputItem> Items, bool StarDropsUnderscore)
{
    /// <summary>Outputs that the id on the client is made of; empty when it is the output <c>id</c>.</summary>
    public IReadOnlyList<string> Key { get; init; } = [];
}

/// <summary>Which rows of a table feed an equality-only index, and what it answers.</summary>
/// <param name="Definition">Whose query it is.</param>
/// <param name="Number">Number of the query or lookup within the definition, from 1.</param>
/// <param name="Table">Where rows come from.</param>
/// <param name="Columns">Names of the columns that expressions refer to by slot.</param>
/// <param name="Matches">Alternatives; all have the same number of keys.</param>
/// <param name="Outputs">Values of the record.</param>
/// <param name="OutputNames">What the values are called, for explanations.</param>
/// <param name="KeepsNull">A record may hold nulls; otherwise such rows are not indexed.</param>
internal sealed record LookupPlan(
    DefinitionPlan Definition,
    int Number,
    TableMatch Table,
    IReadOnlyList<string> Columns,
    IReadOnlyList<RowMatch> Matches,
    IReadOnlyList<Expression> Outputs,
    IReadOnlyList<string> OutputNames,
    bool KeepsNull)
{
    /// <summary>What every key of this index starts with.</summary>
    public string Prefix => $"{Definition.Name}:{Number}";

    /// <summary>Where the query that needs it stands in the file, for explanations.</summary>
    public SourceText? Written { get; init; }
}

/// <summary>A value known while a request is resolved: of the request itself, or an output of a source.</summary>
/// <param name="Expression">Over the request, when <paramref name="Source"/> is negative.</param>
/// <param name="Source">Position in <see cref="ResolutionPlan.Sources"/>.</param>
/// <param name="Output">Position in the source's outputs.</param>
internal sealed record ResolvedValue(Expression? Expression, int Source, int Output)
{
    public static ResolvedValue OfRequest(Expression expression) => new(expression, -1, 0);
}

/// <summary>Something that multiplies the possibilities of a request.</summary>
internal abstract record ResolutionSource;

/// <summary>Rows of a JSON value of the request.</summary>
/// <param name="Each">The call; it is number 0 for the expressions here.</param>
/// <param name="Filters">All must be true for a row.</param>
/// <param name="Outputs">Values of a row.</param>
internal sealed record RequestRows(EachSource Each, IReadOnlyList<Expression> Filters, IReadOnlyList<Expression> Outputs) : ResolutionSource;

/// <summary>Records of an index.</summary>
/// <param name="Lookup">The index.</param>
/// <param name="Keys">Its key values.</param>
internal sealed record LookupRows(LookupPlan Lookup, IReadOnlyList<ResolvedValue> Keys) : ResolutionSource;

/// <summary>How a request finds the buckets of one family.</summary>
/// <param name="Family">The buckets.</param>
/// <param name="Priority">0 is the most urgent.</param>
/// <param name="Filters">Over the request; all must be true.</param>
/// <param name="Sources">In an order in which each one's keys are known before it.</param>
/// <param name="Keys">For each key of the family the values it must equal; several must agree.</param>
/// <param name="KeepsNull">A null key value is written as null; otherwise it means no bucket.</param>
/// <param name="MergesEqual">Equal possibilities count once.</param>
internal sealed record ResolutionPlan(
    BucketFamily Family,
    int Priority,
    IReadOnlyList<Expression> Filters,
    IReadOnlyList<ResolutionSource> Sources,
    IReadOnlyList<IReadOnlyList<ResolvedValue>> Keys,
    bool KeepsNull,
    bool MergesEqual)
{
    /// <summary>Where the first query that it serves stands in the file, for explanations; null when no query was written.</summary>
    public SourceText? Written { get; init; }
}
