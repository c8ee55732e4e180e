using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation.Streams;

/// <summary>Compiles one stream.</summary>
internal sealed class StreamCompiler
{
    private const int MaxFamilies = 100;
    private const int MaxFurtherAlternatives = 500;

    private readonly CompileContext _context;
    private readonly StreamEntry _entry;
    private readonly CteScope _ctes;
    private readonly DefinitionPlan _definition;
    private readonly Dictionary<string, ResolutionPlan> _families = new(StringComparer.Ordinal);
    private readonly LookupSet _lookups;

    public StreamCompiler(CompileContext context, StreamEntry entry, CteScope ctes)
    {
        _context = context;
        _entry = entry;
        _ctes = ctes;
        _definition = new DefinitionPlan(context.Definitions.Count, entry.Name, IsStream: true, entry.AutoSubscribe);
        context.Definitions.Add(_definition);
        _lookups = new LookupSet(context, _definition);
    }

    private bool IsEdition3 => _context.Settings.Edition == 3;

    public void Compile()
    {
        foreach (var query in _entry.Queries)
        {
            var report = new QueryReport(query.Text, _context.Findings);
            if (_context.Parse(query.Text) is { } select)
                CompileContext.Try(report, () => Compile(select, query.Key, report));
        }
        WarnOfSubscriptionParameters();
    }

    private void Compile(SelectSyntax select, IReadOnlyList<KeyColumn> key, QueryReport report)
    {
        if (_context.FurtherAlternatives > MaxFurtherAlternatives)
            return; // that is reported, and to go on is what it shall not cost
        if (IsEdition3)
            StreamQuery.WarnOfDistinct(select, report);
        else
            DataQueryCompiler.SingleTable(select);
        var query = new StreamQuery(_context, _ctes);
        var scope = new StreamScope(null, query, report);
        var conditions = query.AddSources(select, scope, report);
        var selected = new StreamProjection(query, _context, scope, report).Compile(select, key);
        if (select.Where is not null)
            conditions.Add(new ConditionCompiler(query, _context, scope, report).Compile(select.Where));
        StreamChecks.CheckNames(_context, query, select, scope, report);
        if (selected is not var (projection, primary) || report.HasErrors)
            return;
        StreamChecks.WarnOfAlias(select, primary, report);

        var alternatives = new NormalForm(_context.Settings.SqliteExact).Of(new AllOf(conditions, select.Span, report), mergesSingles: IsEdition3);
        _context.FurtherAlternatives += alternatives.Count - 1;
        if (_context.FurtherAlternatives > MaxFurtherAlternatives)
        {
            throw SqlProblem.Semantics(
                select.Span, $"The conditions of the file's streams have more than {MaxFurtherAlternatives} alternatives beyond the first of each query.");
        }
        var memberships = new List<(BucketFamily Family, RowMatch Match)>();
        foreach (var alternative in alternatives)
        {
            var planner = new AlternativePlanner(query.Groups, primary, alternative);
            planner.Plan((group, match, outputs) => _lookups.Of(group, match, outputs, new SourceText(report.Query, select.Span)));
            memberships.Add((FamilyOf(planner, report, select.Span), planner.Match));
        }
        _context.Data.Add(new DataPlan(
            _definition, primary.Match!, primary.Columns.Names, DataQueryCompiler.OutputTable(primary.Table!, primary.Match!), projection, memberships)
        {
            Written = new SourceText(report.Query, select.Span),
        });
    }

    // Alternatives that a request resolves in the same way share their buckets, also across queries on different tables.
    private BucketFamily FamilyOf(AlternativePlanner planner, QueryReport report, TextSpan span)
    {
        var plan = new ResolutionPlan(
            new BucketFamily(_definition, _families.Count), _entry.Priority, planner.RequestFilters, planner.Sources, planner.Keys,
            KeepsNull: !IsEdition3, MergesEqual: true)
        {
            Written = new SourceText(report.Query, span),
        };
        var meaning = IsEdition3 ? Fingerprint.DescribeSources(plan) : $"{_families.Count}";
        if (_families.TryGetValue(meaning, out var known))
            return known.Family;
        if (_families.Count == MaxFamilies)
            throw SqlProblem.Semantics(span, $"The stream has more than {MaxFamilies} kinds of buckets.");
        _families[meaning] = plan;
        _context.Resolutions.Add(plan);
        if (IsEdition3 && !_entry.AcceptsDanger && DangerAnalysis.IsClientControlled(plan))
            report.Warn(FindingClass.ClientControlledParameter, span, DangerAnalysis.Message);
        return plan.Family;
    }

    private void WarnOfSubscriptionParameters()
    {
        var usesParameters = _families.Values.Any(plan => Fingerprint.DescribeSources(plan).Contains("request:Subscription", StringComparison.Ordinal));
        if (_entry.AutoSubscribe && usesParameters)
        {
            _context.Findings.Warning(FindingClass.AutoSubscribeWithParameters, _entry.Place,
                $"The stream '{_entry.Name}' subscribes every client without parameters, but its query asks for some.");
        }
    }
}
