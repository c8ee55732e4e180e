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
    private readonly RequestScope _scope;
    private readonly List<(DefinitionPlan Stream, List<(int Subscription, string Message)> Errors)> _streams = [];
    private readonly RequestValues _request;
    private string[] _pending = [];
    private bool _lacksRuns; // some were given up over what the lookups gave
    private List<ResolvedBucket>? _buckets;
    private IReadOnlyList<ResolvedBucket>? _united;

    public CompiledResolution(
        RulesPlan plan, RulesSettings settings, BucketRequest request, Func<ResolutionPlan, ResolutionShape> shapeOf, int bucketLimit)
    {
        _scope = new RequestScope(new EvaluationContext(), new RequestLookups(), new RequestLimits(bucketLimit), NullIsText: !settings.FixedJsonExtract);
        _request = Read(request);
        foreach (var definition in plan.Definitions)
        {
            if (definition.IsEvent)
                continue;
            var shapes = plan.ResolutionsOf(definition).Select(shapeOf).ToArray();
            if (definition.IsStream)
                StartStream(definition, shapes, request);
            else if (request.IncludeDefaults)
                StartDefinition(definition, shapes);
        }
        CollectPending();
    }

    public override IReadOnlyList<string> Pending => _pending;

    /// <summary>One for each resolution plan and subscription, as far as they have come.</summary>
    public IReadOnlyList<ResolutionRun> Runs => _runs;

    public override IReadOnlyCollection<string> WatchedLookups => _scope.Lookups.Watched;

    public override IReadOnlyList<ResolvedBucket> Buckets => _united ??= BucketsByPath.Exists(bucket => bucket.Reasons.Count > 1)
        ? [.. BucketsByPath.Select(bucket => bucket.Reasons.Count == 1 ? bucket : bucket with { Reasons = [.. bucket.Reasons.Distinct()] })]
        : BucketsByPath;

    /// <summary>The buckets with one reason for every path that leads to them.</summary>
    public List<ResolvedBucket> BucketsByPath => _buckets ?? throw new InvalidOperationException("Lookups are pending.");

    public override IReadOnlyList<ResolvedStream> Streams =>
        [.. _streams.Select(stream => new ResolvedStream(stream.Stream.Name, stream.Stream.IsDefault, stream.Errors))];

    public override void Supply(string lookupKey, IReadOnlyList<ReadOnlyMemory<byte>> records) => _scope.Lookups[lookupKey].Records = records;

    public override void Advance()
    {
        var failed = new List<ResolutionRun>();
        foreach (var run in _runs)
        {
            if (run.IsComplete)
                continue;
            try
            {
                run.Advance();
            }
            catch (BucketLimitException problem) when (run.Plan.Family.Definition.IsStream)
            {
                failed.Add(run);
                _streams.Find(stream => stream.Stream == run.Plan.Family.Definition).Errors.Add((run.Reason, problem.Message));
            }
        }
        _lacksRuns |= failed.Count > 0;
        foreach (var run in failed)
            _runs.RemoveAll(other => other.Reason == run.Reason && other.Plan.Family.Definition == run.Plan.Family.Definition);
        CollectPending();
    }

    public override FollowedBuckets? Follow() => _lacksRuns ? null : BucketFollower.Start(_runs, _scope);

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

    private void StartDefinition(DefinitionPlan definition, ResolutionShape[] shapes)
    {
        _streams.Add((definition, []));
        try
        {
            Start(shapes, _request, DefaultReason, null);
        }
        catch (EvaluationException problem)
        {
            throw new RequestEvaluationException(definition.Name, problem.Message);
        }
    }

    private void StartStream(DefinitionPlan stream, ResolutionShape[] shapes, BucketRequest request)
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
                Start(shapes, _request.With(parameters), reason, priority);
            }
            catch (Exception problem) when (problem is EvaluationException or BucketLimitException)
            {
                // A stream that fails does not take the others of the connection with it.
                _runs.RemoveRange(before, _runs.Count - before);
                errors.Add((reason, problem.Message));
            }
        }
    }

    private void Start(ResolutionShape[] shapes, RequestValues values, int reason, int? priority)
    {
        foreach (var shape in shapes)
        {
            var run = new ResolutionRun(shape, values, _scope, reason, priority ?? shape.Plan.Priority);
            run.Start();
            _runs.Add(run);
        }
    }

    private void CollectPending()
    {
        var pending = _scope.Lookups.CollectPending(_runs);
        if (pending.Count > _scope.Limits.Lookups)
            throw RequestLimits.Exceeded("lookups at once", _scope.Limits.Lookups, pending.Select(lookup => lookup.Definition));
        _pending = [.. pending.Select(lookup => lookup.Key)];
        if (_pending.Length > 0)
            return;
        if (_runs.Exists(run => !run.IsComplete))
            throw new InvalidOperationException("A lookup stage has no keys.");
        _buckets = BucketMerge.Merge(_runs, _scope.Limits.Buckets);
    }
}
