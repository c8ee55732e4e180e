using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Streaming.Sessions;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Unit.Grid;
using TopGun.Buckets.Tests.Unit.SyncRules;
using TopGun.Buckets.Tests.Unit.SyncRules.Properties;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming;

/// <summary>A session that is told only what changed in its lookups has exactly the buckets of the checkpoint it serves, at each that it takes.</summary>
public class FollowedMembershipTests
{
    // Two steps for most, so that a change of the first brings lookups that were not watched before.
    private const string Yaml =
        """
        config: {edition: 3}
        streams:
          lists: {auto_subscribe: true, query: "SELECT * FROM todos WHERE list IN (SELECT id FROM lists WHERE team IN (SELECT team FROM members WHERE person = auth.user_id()))"}
          own: {auto_subscribe: true, priority: 1, query: "SELECT * FROM todos WHERE list IN (SELECT id FROM lists WHERE owner = auth.user_id())"}
        """;

    public static TheoryData<int> Seeds => [.. PropertyRun.Seeds(10)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Each_checkpoint_has_the_buckets_that_its_lookups_lead_to(int seed)
    {
        var random = new Random(seed);
        var history = await History.BeginAsync(random);
        using var subscription = history.Log.Grid.Subscribe("u1");
        var membership = MembershipOf(subscription);
        var taken = new List<BucketWatch>();
        var names = new SortedSet<string>(StringComparer.Ordinal);

        for (var checkpoint = 0; checkpoint < 60; checkpoint++)
        {
            history.ChangeSome(random);
            var update = subscription.Take(taken)!.Value;
            if (random.Next(3) == 0)
                history.ChangeSome(random); // between taking and resolving
            if (checkpoint == 0 || update.LookupsChanged)
            {
                var change = membership.Resolve(history.Rules, areNew: checkpoint == 0, update);
                names.ExceptWith(change.Removed.Select(bucket => bucket.Bucket));
                names.UnionWith(change.Added.Select(bucket => bucket.Bucket));
            }
            subscription.Release();

            var expected = history.BucketsAt(update.UpTo);
            Assert.True(expected.SequenceEqual(names), $"seed {seed}, checkpoint {checkpoint}: expected {string.Join(' ', expected)}\nbut have {string.Join(' ', names)}");
            Assert.Equal(names, membership.Buckets.Select(bucket => bucket.Bucket).Order(StringComparer.Ordinal));
        }
        Assert.Equal(1, history.WholeResolutions);
        membership.End();
    }

    [Fact]
    public async Task More_changes_than_are_remembered_make_everything_be_looked_up_again()
    {
        var random = new Random(1);
        var history = await History.BeginAsync(random);
        using var subscription = history.Log.Grid.Subscribe("u1");
        var membership = MembershipOf(subscription);
        membership.Resolve(history.Rules, areNew: true, subscription.Take([])!.Value);
        subscription.Release();

        for (var row = 0; row <= LookupDeltas.Most; row++)
            history.Put("lists", $"new{row}", ("team", "t"), ("owner", "u1"));
        history.Commit(isVisible: true);
        var update = subscription.Take([])!.Value;
        membership.Resolve(history.Rules, areNew: false, update);
        subscription.Release();

        Assert.Null(update.Lookups);
        Assert.Equal(2, history.WholeResolutions);
        Assert.Equal(history.BucketsAt(update.UpTo), membership.Buckets.Select(bucket => bucket.Bucket).Order(StringComparer.Ordinal));

        history.Put("lists", "new3", ("team", "t"), ("owner", "somebody"));
        history.Commit(isVisible: true);
        var after = subscription.Take([])!.Value;
        membership.Resolve(history.Rules, areNew: false, after);

        Assert.Equal(2, history.WholeResolutions); // and then it goes on with what changes
        Assert.Equal(history.BucketsAt(after.UpTo), membership.Buckets.Select(bucket => bucket.Bucket).Order(StringComparer.Ordinal));
        membership.End();
    }

    private static Membership MembershipOf(GridSubscription subscription) => new(
        subscription,
        new SyncRequest([], "device", RawData: true, RuleSetHarness.Json("{}"), IncludeDefaults: true, []),
        new SyncUser("u1", RuleSetHarness.Json("""{"sub":"u1"}"""), DateTimeOffset.MaxValue),
        followedFrom: 0);

    /// <summary>Rows of the tables that decide, in a grid and in a list of everything that ever happened.</summary>
    private sealed class History
    {
        private readonly CountingRules _rules;
        private readonly RowIndex _index;
        private readonly List<(OpId At, string Key, string Entry, ReadOnlyMemory<byte>? Record)> _all = [];
        private TestLog.Transaction? _transaction;

        private History(TestLog log)
        {
            Log = log;
            var rules = RuleSet.Parse(Yaml, new RuleSetOptions { BucketLimit = 100_000 }).Rules!;
            _rules = new CountingRules(rules);
            _index = new RowIndex(rules);
        }

        public TestLog Log { get; }

        public RuleSet Rules => _rules;

        public int WholeResolutions => _rules.Resolutions;

        public static async Task<History> BeginAsync(Random random)
        {
            var history = new History(await TestLog.StartedAsync());
            for (var row = 0; row < 60; row++)
                history.Change(random);
            history.Commit(isVisible: true);
            return history;
        }

        public void ChangeSome(Random random)
        {
            for (var transactions = random.Next(3); transactions > 0; transactions--)
            {
                for (var rows = random.Next(1, 5); rows > 0; rows--)
                    Change(random);
                Commit(isVisible: random.Next(3) > 0); // otherwise with a later one
            }
        }

        public void Change(Random random)
        {
            var id = $"{random.Next(30)}";
            if (random.Next(4) == 0)
                Put("members", id, ("team", $"t{random.Next(6)}"), ("person", $"u{random.Next(3)}"));
            else
                Put("lists", id, ("team", $"t{random.Next(6)}"), ("owner", $"u{random.Next(4)}"));
        }

        public void Put(string table, string id, params (string Column, string? Value)[] columns)
        {
            _transaction ??= Log.Begin();
            foreach (var (key, entry, _, added) in _index.Put(table, id, [("id", id), .. columns]))
            {
                _transaction.Lookup(key, entry, added is { } record ? System.Text.Encoding.UTF8.GetString(record.Span) : null);
                _all.Add((Log.LastOpId, key, entry, added));
            }
        }

        public void Commit(bool isVisible)
        {
            (_transaction ?? Log.Begin()).Commit(isVisible);
            _transaction = null;
        }

        /// <summary>What a resolution from nothing finds, reading the list up to a checkpoint.</summary>
        public List<string> BucketsAt(OpId checkpoint)
        {
            var records = new Dictionary<string, SortedDictionary<string, ReadOnlyMemory<byte>>>();
            foreach (var (_, key, entry, record) in _all.TakeWhile(change => change.At <= checkpoint))
            {
                if (!records.TryGetValue(key, out var ofKey))
                    records.Add(key, ofKey = new SortedDictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal));
                if (record is { } now)
                    ofKey[entry] = now;
                else
                    ofKey.Remove(entry);
            }
            var resolution = _rules.Inner.BucketsFor(
                new BucketRequest(RuleSetHarness.Json("""{"sub":"u1"}"""), RuleSetHarness.Json("{}"), IncludeDefaults: true, []));
            while (resolution.Pending.Count > 0)
            {
                foreach (var key in resolution.Pending)
                    resolution.Supply(key, records.TryGetValue(key, out var ofKey) ? [.. ofKey.Values] : []);
                resolution.Advance();
            }
            return [.. resolution.Buckets.Select(bucket => bucket.Name)];
        }
    }

    /// <summary>Counts how often a request was resolved from nothing.</summary>
    private sealed class CountingRules(RuleSet inner) : RuleSet
    {
        public RuleSet Inner => inner;

        public int Resolutions { get; private set; }

        public override IReadOnlyList<RuleDefinition> Definitions => inner.Definitions;

        public override IReadOnlyList<TablePattern> Tables => inner.Tables;

        public override string Serialize() => inner.Serialize();

        public override bool Uses(string schema, string table) => inner.Uses(schema, table);

        public override TableEvaluator ForTable(SourceTable table) => inner.ForTable(table);

        public override RuleSet Without(RuleSet other) => inner.Without(other);

        public override BucketResolution BucketsFor(BucketRequest request)
        {
            Resolutions++;
            return inner.BucketsFor(request);
        }
    }
}
