using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Evaluation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Explain;

/// <summary>An entry of an index, and the row that it stands for.</summary>
/// <param name="Record">As <see cref="IRowSink.Lookup"/> gives it.</param>
/// <param name="Row">Which row it is, for people.</param>
public sealed record FoundEntry(ReadOnlyMemory<byte> Record, string Row);

/// <summary>Answers "which buckets does this token get, and through which rows". Goes stage by stage like <see cref="BucketResolution"/>.</summary>
/// <remarks>
/// The buckets are those of the request as the service resolves it. Beside that every definition is resolved alone, so that one that fails does not
/// hide the others.
/// </remarks>
public sealed class UserExplainer
{
    private readonly CompiledRuleSet _rules;
    private readonly BucketRequest _request;
    private readonly CompiledResolution? _whole;
    private readonly List<DefinitionTrace> _definitions = [];
    private readonly Dictionary<string, IReadOnlyList<FoundEntry>> _found = new(StringComparer.Ordinal);
    private string? _problem;

    /// <param name="rules">Compiled rules.</param>
    /// <param name="request">Who asks for what.</param>
    public UserExplainer(RuleSet rules, BucketRequest request)
    {
        _rules = (CompiledRuleSet)rules;
        _request = request;
        _problem = Try(() => _rules.BucketsFor(_rules.Plan, request), out _whole);
        foreach (var definition in _rules.Plan.Definitions.Where(definition => !definition.IsEvent))
        {
            var part = _rules.Plan with { Definitions = [definition] };
            var problem = Try(() => _rules.BucketsFor(part, request), out var resolution);
            _definitions.Add(new DefinitionTrace(definition, resolution) { Problem = problem });
        }
    }

    /// <summary>Keys of which <see cref="Supply"/> is expected before <see cref="Advance"/>; empty when all is known.</summary>
    public IReadOnlyList<string> Pending =>
        [.. _definitions.SelectMany(trace => trace.Pending).Concat(_problem is null ? _whole!.Pending : []).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>Tables whose rows can have entries under the pending keys.</summary>
    public IReadOnlyList<TablePattern> PendingTables
    {
        get
        {
            var pending = Pending;
            return
            [
                .. _rules.Plan.Lookups
                    .Where(lookup => lookup.Table.Connection == TableMatch.DefaultConnection)
                    .Where(lookup => pending.Any(key => key.StartsWith(lookup.Prefix + "[", StringComparison.Ordinal)))
                    .Select(lookup => new TablePattern(lookup.Table.Schema, lookup.Table.Name))
                    .Distinct(),
            ];
        }
    }

    /// <summary>Gives the entries of one pending key.</summary>
    public void Supply(string key, IReadOnlyList<FoundEntry> entries) => _found[key] = entries;

    /// <summary>Goes on with what was supplied; a key that was not has no entries.</summary>
    public void Advance()
    {
        if (_problem is null && _whole!.Pending.Count > 0)
            _problem = GoOn(_whole);
        foreach (var trace in _definitions.Where(trace => trace.Pending.Count > 0))
        {
            trace.Remember();
            trace.Problem = GoOn(trace.Resolution!);
        }
    }

    /// <summary>The answer, once nothing is pending.</summary>
    public UserExplanation Explain() => new(
        _problem is null ? [.. _whole!.Buckets.Select(bucket => new ExplainedBucket(bucket.Name, bucket.Priority, bucket.Definition, bucket.Reasons))] : [],
        [.. _definitions.Select(Explain)],
        [.. Notes()],
        _problem);

    private string? GoOn(CompiledResolution resolution)
    {
        foreach (var key in resolution.Pending)
            resolution.Supply(key, [.. EntriesOf(key).Select(entry => entry.Record)]);
        return Try(
            () =>
            {
                resolution.Advance();
                return resolution;
            },
            out _);
    }

    private static string? Try(Func<CompiledResolution> resolve, out CompiledResolution? resolution)
    {
        resolution = null;
        try
        {
            resolution = resolve();
            return null;
        }
        catch (Exception failure) when (failure is BucketLimitException or RequestEvaluationException)
        {
            return failure.Message;
        }
    }

    private IReadOnlyList<FoundEntry> EntriesOf(string key) => _found.GetValueOrDefault(key, []);

    private ExplainedDefinition Explain(DefinitionTrace trace)
    {
        var definition = trace.Definition;
        var ways = new List<ExplainedWay>();
        var subscriptions = SubscriptionsOf(definition);
        foreach (var subscription in subscriptions)
        {
            foreach (var resolution in _rules.Plan.Resolutions.Where(resolution => resolution.Family.Definition == definition))
            {
                var run = trace.Resolution?.Runs.FirstOrDefault(run => ReferenceEquals(run.Plan, resolution) && run.Reason == subscription);
                ways.Add(new WayExplainer(_rules, resolution, ValuesOf(subscription), EntriesOf).Explain(
                    run, subscription, PriorityOf(resolution, subscription), trace.LookedUp(run)));
            }
        }
        var buckets = trace.Problem is null && trace.Resolution is { } resolved ? resolved.Buckets.Select(bucket => bucket.Name).ToList() : [];
        return new ExplainedDefinition(definition.Name, definition.IsStream, ways, buckets, trace.Problem ?? ProblemOf(trace, subscriptions));
    }

    private static string? ProblemOf(DefinitionTrace trace, List<int> subscriptions)
    {
        if (trace.Resolution?.Streams.FirstOrDefault(stream => stream.Errors.Count > 0) is { } failed)
            return string.Join(' ', failed.Errors.Select(error => error.Message).Distinct());
        if (subscriptions.Count > 0)
            return null;
        if (!trace.Definition.IsStream || trace.Definition.IsDefault)
            return "It is not asked for: the request leaves out what everyone gets by default.";
        return "It is not asked for: the request has no subscription to it, and 'auto_subscribe' is off.";
    }

    // As the service starts them: each explicit subscription, and the default one unless an explicit one without parameters replaces it.
    private List<int> SubscriptionsOf(DefinitionPlan definition)
    {
        if (!definition.IsStream)
            return _request.IncludeDefaults ? [CompiledResolution.DefaultReason] : [];
        var explicitly = Enumerable.Range(0, _request.Subscriptions.Count).Where(index => _request.Subscriptions[index].Stream == definition.Name).ToList();
        var isReplaced = explicitly.Exists(index =>
            _request.Subscriptions[index].Parameters.ValueKind is System.Text.Json.JsonValueKind.Undefined or System.Text.Json.JsonValueKind.Null);
        if (definition.IsDefault && _request.IncludeDefaults && !isReplaced)
            explicitly.Add(CompiledResolution.DefaultReason);
        return explicitly;
    }

    private RequestValues? ValuesOf(int subscription)
    {
        try
        {
            return new RequestValues(_request.Token, _request.Parameters)
                .With(subscription == CompiledResolution.DefaultReason ? default : _request.Subscriptions[subscription].Parameters);
        }
        catch (EvaluationException)
        {
            return null; // said by the definition's own problem
        }
    }

    private int PriorityOf(ResolutionPlan resolution, int subscription) =>
        subscription == CompiledResolution.DefaultReason
            ? resolution.Priority
            : _request.Subscriptions[subscription].PriorityOverride ?? resolution.Priority;

    private IEnumerable<string> Notes()
    {
        var streams = _rules.Plan.Definitions.Where(definition => definition.IsStream).Select(definition => definition.Name).ToList();
        foreach (var unknown in _request.Subscriptions.Select(subscription => subscription.Stream).Except(streams).Distinct())
            yield return $"The rules have no stream '{unknown}', so the subscription to it is ignored.{Suggestion.For(unknown, streams)}";
    }

    /// <summary>One definition resolved alone, with the keys that each of its runs looked up.</summary>
    private sealed class DefinitionTrace(DefinitionPlan definition, CompiledResolution? resolution)
    {
        private readonly Dictionary<ResolutionRun, Dictionary<int, IReadOnlyList<string>>> _keys = [];

        public DefinitionPlan Definition => definition;

        public CompiledResolution? Resolution => resolution;

        public string? Problem { get; set; }

        public IReadOnlyList<string> Pending => resolution is not null && Problem is null ? resolution.Pending : [];

        public void Remember()
        {
            foreach (var run in resolution!.Runs.Where(run => !run.IsComplete))
            {
                if (!_keys.TryGetValue(run, out var stages))
                    _keys[run] = stages = [];
                stages[run.Stage] = [.. run.Pending.OfType<RequestLookup>().Select(lookup => lookup.Key).Distinct(StringComparer.Ordinal)];
            }
        }

        /// <summary>Keys by stage.</summary>
        public Dictionary<int, IReadOnlyList<string>> LookedUp(ResolutionRun? run) => run is null ? [] : _keys.GetValueOrDefault(run, []);
    }
}
