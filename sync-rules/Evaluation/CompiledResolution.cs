using System.Runtime.InteropServices;
using System.Text.Json;
using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Finds the buckets of one request.</summary>
internal sealed class CompiledResolution : BucketResolution
{
    public const int DefaultReason = -1;

    private readonly List<ResolutionRun> _runs = [];
    private readonly Func<BucketFamily, string> _prefixOf;
    private readonly RequestLimits _limits;
    private readonly Func<ResolutionPlan, ResolutionShape> _shapeOf;
    private readonly EvaluationContext _context = new();
    private readonly Dictionary<string, NeededLookup> _lookups = new(StringComparer.Ordinal);
    private readonly List<string> _watched = [];
    private readonly List<(DefinitionPlan Stream, List<(int Subscription, string Message)> Errors)> _streams = [];
    private readonly bool _nullIsText;
    private List<string> _pending = [];
    private int _stage;
    private readonly RequestValues _request;
    private IReadOnlyList<ResolvedBucket>? _buckets;
    private IReadOnlyList<ResolvedBucket>? _united;

    public CompiledResolution(
        RulesPlan plan, RulesSettings settings, BucketRequest request, Func<ResolutionPlan, ResolutionShape> shapeOf,
        Func<BucketFamily, string> prefixOf, int bucketLimit)
    {
        _shapeOf = shapeOf;
        _prefixOf = prefixOf;
        _limits = new RequestLimits(bucketLimit);
        _nullIsText = !settings.FixedJsonExtract;
        _request = Read(request);
        foreach (var definition in plan.Definitions)
        {
            var resolutions = plan.ResolutionsOf(definition);
            if (definition.IsStream)
                StartStream(definition, resolutions, request);
            else if (request.IncludeDefaults)
                StartDefinition(definition, resolutions);
        }
        CollectPending();
    }

    public override IReadOnlyList<string> Pending => _pending;

    /// <summary>One for each resolution plan and subscription, as far as they have come.</summary>
    public IReadOnlyList<ResolutionRun> Runs => _runs;

    public override IReadOnlyCollection<string> WatchedLookups => [.. _watched.Order(StringComparer.Ordinal)];

    public override IReadOnlyList<ResolvedBucket> Buckets => _united ??= BucketsByPath.Any(bucket => bucket.Reasons.Count > 1)
        ? [.. BucketsByPath.Select(bucket => bucket.Reasons.Count == 1 ? bucket : bucket with { Reasons = [.. bucket.Reasons.Distinct()] })]
        : BucketsByPath;

    /// <summary>The buckets with one reason for every path that leads to them.</summary>
    public IReadOnlyList<ResolvedBucket> BucketsByPath => _buckets ?? throw new InvalidOperationException("Lookups are pending.");

    public override IReadOnlyList<ResolvedStream> Streams =>
        [.. _streams.Select(stream => new ResolvedStream(stream.Stream.Name, stream.Stream.IsDefault, stream.Errors))];

    public override void Supply(string lookupKey, IReadOnlyList<ReadOnlyMemory<byte>> records)
    {
        var lookup = _lookups[lookupKey];
        var fragments = new string[records.Count][];
        for (var index = 0; index < fragments.Length; index++)
            fragments[index] = Fragments.OfRecord(records[index], lookup.OutputCount);
        lookup.Records = fragments;
    }

    public override void Advance()
    {
        var failed = new List<ResolutionRun>();
        foreach (var run in _runs)
        {
            if (run.IsComplete)
                continue;
            try
            {
                run.Advance(RecordsOf);
            }
            catch (BucketLimitException problem) when (run.Plan.Family.Definition.IsStream)
            {
                failed.Add(run);
                _streams.Find(stream => stream.Stream == run.Plan.Family.Definition).Errors.Add((run.Reason, problem.Message));
            }
        }
        foreach (var run in failed)
            _runs.RemoveAll(other => other.Reason == run.Reason && other.Plan.Family.Definition == run.Plan.Family.Definition);
        CollectPending();
    }

    private static RequestValues Read(BucketRequest request)
    {
        try
        {
            return new RequestValues(request.Token, request.Parameters);
        }
        catch (EvaluationException)
        {
            throw new RequestEvaluationException(null, "The token or the connection parameters hold half of a surrogate pair.");
        }
    }

    private string[][] RecordsOf(string key) =>
        _lookups[key].Records ?? throw new InvalidOperationException($"The records of lookup '{key}' were not supplied.");

    private void StartDefinition(DefinitionPlan definition, IEnumerable<ResolutionPlan> resolutions)
    {
        _streams.Add((definition, []));
        try
        {
            Start(resolutions, _request, DefaultReason, null);
        }
        catch (EvaluationException problem)
        {
            throw new RequestEvaluationException(definition.Name, problem.Message);
        }
    }

    private void StartStream(DefinitionPlan stream, IEnumerable<ResolutionPlan> resolutions, BucketRequest request)
    {
        var errors = new List<(int Subscription, string Message)>();
        var replacesDefault = false;
        var isSubscribed = false;
        for (var index = 0; index < request.Subscriptions.Count; index++)
        {
            var subscription = request.Subscriptions[index];
            if (subscription.Stream != stream.Name)
                continue;
            isSubscribed = true;
            replacesDefault |= subscription.Parameters.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null;
            TryStart(index, subscription.Parameters, subscription.PriorityOverride);
        }
        var isDefault = stream.IsDefault && request.IncludeDefaults;
        if (isDefault && !replacesDefault)
            TryStart(DefaultReason, default, null);
        if (isSubscribed || isDefault)
            _streams.Add((stream, errors));

        void TryStart(int reason, JsonElement parameters, int? priority)
        {
            var before = _runs.Count;
            try
            {
                Start(resolutions, _request.With(parameters), reason, priority);
            }
            catch (Exception problem) when (problem is EvaluationException or BucketLimitException)
            {
                // A stream that fails does not take the others of the connection with it.
                _runs.RemoveRange(before, _runs.Count - before);
                errors.Add((reason, problem.Message));
            }
        }
    }

    private void Start(IEnumerable<ResolutionPlan> resolutions, RequestValues values, int reason, int? priority)
    {
        foreach (var resolution in resolutions)
        {
            var run = new ResolutionRun(_shapeOf(resolution), values, _context, _nullIsText, reason, priority ?? resolution.Priority, _limits);
            run.Start();
            _runs.Add(run);
        }
    }

    private void CollectPending()
    {
        _stage++;
        _context.Scratch.Reset(); // what the runs keep are texts of their own
        var pending = new List<string>();
        foreach (var run in _runs)
        {
            if (run.IsComplete)
                continue;
            var count = ((LookupRows)run.Current).Lookup.Outputs.Count;
            foreach (var key in run.PendingKeys)
            {
                ref var lookup = ref CollectionsMarshal.GetValueRefOrAddDefault(_lookups, key, out var isKnown);
                lookup ??= new NeededLookup(count, run.Plan.Family.Definition.Name);
                if (!isKnown)
                    _watched.Add(key);
                if (lookup.Stage == _stage)
                    continue;
                lookup.Stage = _stage;
                pending.Add(key);
            }
        }
        if (pending.Count > _limits.Lookups)
            throw RequestLimits.Exceeded("lookups at once", _limits.Lookups, pending.Select(key => _lookups[key].Definition));
        pending.Sort(StringComparer.Ordinal);
        _pending = pending;
        if (_pending.Count > 0)
            return;
        if (_runs.Exists(run => !run.IsComplete))
            throw new InvalidOperationException("A lookup stage has no keys.");
        _buckets = BucketMerge.Merge(_runs, _prefixOf, _limits.Buckets);
    }

    /// <summary>A lookup that some run asked for.</summary>
    private sealed class NeededLookup(int outputCount, string definition)
    {
        public int OutputCount => outputCount;

        public string Definition => definition;

        /// <summary>The last stage that asked for it.</summary>
        public int Stage { get; set; }

        public string[][]? Records { get; set; }
    }
}
