using System.Text;
using System.Text.Json;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Unit.Streaming;

/// <summary>
/// Rules of a test: fixed buckets, and for each lookup key the buckets that its records name. A record is a bucket's name, and a
/// <c>!priority</c> behind it if it is not 3.
/// </summary>
public sealed class FakeRules : RuleSet
{
    /// <summary>Buckets that every request has: name and priority.</summary>
    public List<(string Name, int Priority)> Fixed { get; } = [];

    /// <summary>Lookup keys that every request reads.</summary>
    public List<string> Lookups { get; } = [];

    /// <summary>Whether every request reads the lookup key <c>of:</c> and its user, too.</summary>
    public bool LooksUpUsers { get; set; }

    /// <summary>Names of streams that a request may subscribe to: bucket is <c>stream|parameters</c>.</summary>
    public List<string> Streams { get; } = [];

    /// <summary>What <see cref="RuleSet.ReadsWriteCheckpoints"/> says.</summary>
    public bool HasWriteCheckpoints { get; set; }

    public override bool ReadsWriteCheckpoints => HasWriteCheckpoints;

    /// <summary>What <see cref="RuleSet.WriteCheckpointLookups"/> gives everybody.</summary>
    public List<string> WriteCheckpointKeys { get; } = [];

    public override IReadOnlyList<string> WriteCheckpointLookups(string userKey) => WriteCheckpointKeys;

    public override IReadOnlyList<RuleDefinition> Definitions => [];

    public override IReadOnlyList<TablePattern> Tables => [];

    public override string Serialize() => throw new NotSupportedException();

    public override bool Uses(string schema, string table) => false;

    public override TableEvaluator ForTable(SourceTable table) => throw new NotSupportedException();

    public override RuleSet Without(RuleSet other) => throw new NotSupportedException();

    /// <summary>What every request ends with, if set.</summary>
    public Exception? Refusal { get; set; }

    public override BucketResolution BucketsFor(BucketRequest request) =>
        Refusal is null ? new Resolution(this, request) : throw Refusal;

    private sealed class Resolution(FakeRules rules, BucketRequest request) : BucketResolution
    {
        private readonly SortedDictionary<string, ResolvedBucket> _buckets = new(StringComparer.Ordinal);
        private bool _isDone;

        private IReadOnlyList<string> Keys =>
            rules.LooksUpUsers ? [.. rules.Lookups, $"of:{request.Token.GetProperty("sub").GetString()}"] : rules.Lookups;

        public override IReadOnlyList<string> Pending => _isDone ? [] : Keys;

        public override void Supply(string lookupKey, IReadOnlyList<ReadOnlyMemory<byte>> records)
        {
            foreach (var record in records)
            {
                var parts = Encoding.UTF8.GetString(record.Span).Split('!');
                Add(parts[0], parts.Length > 1 ? int.Parse(parts[1], null) : 3, "lists", -1);
            }
        }

        public override void Advance() => _isDone = true;

        public override IReadOnlyCollection<string> WatchedLookups => [.. Keys];

        public override IReadOnlyList<ResolvedBucket> Buckets
        {
            get
            {
                if (request.IncludeDefaults)
                {
                    foreach (var (name, priority) in rules.Fixed)
                        Add(name, priority, "lists", -1);
                }
                for (var index = 0; index < request.Subscriptions.Count; index++)
                {
                    var subscription = request.Subscriptions[index];
                    if (rules.Streams.Contains(subscription.Stream))
                    {
                        Add(
                            $"{subscription.Stream}|{JsonSerializer.Serialize(subscription.Parameters)}",
                            subscription.PriorityOverride ?? 3, subscription.Stream, index);
                    }
                }
                return [.. _buckets.Values];
            }
        }

        public override IReadOnlyList<ResolvedStream> Streams =>
        [
            new ResolvedStream("lists", IsDefault: true, []),
            .. request.Subscriptions.Select(s => s.Stream).Where(rules.Streams.Contains).Distinct()
                .Select(name => new ResolvedStream(name, IsDefault: false, [])),
        ];

        private void Add(string name, int priority, string definition, int reason)
        {
            _buckets[name] = _buckets.TryGetValue(name, out var known)
                ? known with { Priority = Math.Min(known.Priority, priority), Reasons = [.. known.Reasons, reason] }
                : new ResolvedBucket(name, priority, definition, [reason]);
        }
    }
}
