namespace TopGun.Buckets.SyncRules.Compilation.Streams;

/// <summary>Collects the families of an extended bucket definition, and merges those that need not be told apart.</summary>
/// <remarks>
/// First alternatives that a request resolves in the same way: they hold rows for the same clients. Then families of the same rows: whichever
/// parameter query leads there, a client gets one bucket. What remains is numbered in order of appearance.
/// </remarks>
internal sealed class FamilySet(CompileContext context, DefinitionPlan definition)
{
    public const int MaxFamilies = 100;

    private readonly List<(SourceGroup Primary, Projection Projection, SourceText Written)> _queries = [];
    private readonly List<Draft> _drafts = [];

    private sealed record Draft(string Meaning, ResolutionPlan Plan)
    {
        /// <summary>By query and description, in order of appearance.</summary>
        public OrderedDictionary<(int Query, string Description), RowMatch> Matches { get; } = [];
    }

    /// <summary>Adds a data query.</summary>
    /// <returns>Its number here.</returns>
    public int AddQuery(SourceGroup primary, Projection projection, SourceText written)
    {
        _queries.Add((primary, projection, written));
        return _queries.Count - 1;
    }

    public SourceGroup PrimaryOf(int query) => _queries[query].Primary;

    /// <summary>Adds an alternative of a data query.</summary>
    /// <returns>False when there are too many kinds of buckets.</returns>
    public bool TryAdd(ResolutionPlan plan, int query, RowMatch match)
    {
        var meaning = $"{plan.Priority} {Fingerprint.DescribeSources(plan)}";
        var draft = _drafts.Find(known => known.Meaning == meaning);
        if (draft is null)
        {
            if (_drafts.Count == MaxFamilies)
                return false;
            _drafts.Add(draft = new Draft(meaning, plan));
        }
        draft.Matches.TryAdd((query, Fingerprint.Describe(match)), match);
        return true;
    }

    /// <summary>Adds what was collected to the plans of the file.</summary>
    public void AddToPlans()
    {
        var families = _drafts.GroupBy(RowsOf, StringComparer.Ordinal)
            .Select((drafts, number) => (Family: new BucketFamily(definition, number), Drafts: drafts.ToList())).ToList();
        foreach (var (family, drafts) in families)
            context.Resolutions.AddRange(drafts.Select(draft => draft.Plan with { Family = family }));
        for (var query = 0; query < _queries.Count; query++)
        {
            var (primary, projection, written) = _queries[query];
            context.Data.Add(new DataPlan(
                definition, primary.Match!, primary.Columns.Names, DataQueryCompiler.OutputTable(primary.Table!, primary.Match!), projection,
                [
                    .. from entry in families
                       from match in entry.Drafts[0].Matches
                       where match.Key.Query == query
                       select (entry.Family, match.Value),
                ])
            {
                Written = written,
            });
        }
    }

    private static string RowsOf(Draft draft) =>
        string.Join('\n', draft.Matches.Keys.Select(match => $"{match.Query} {match.Description}").Order(StringComparer.Ordinal));
}
