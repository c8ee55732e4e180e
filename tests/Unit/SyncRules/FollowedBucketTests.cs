using System.Globalization;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Unit.SyncRules.Properties;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>A resolution that goes on with what changed ends with what a new one finds.</summary>
public sealed class FollowedBucketTests
{
    private static readonly string[] Columns = ["x", "y", "z"];
    private static readonly string[] Tables = ["a", "b", "c"];

    [Fact]
    public void Following_equals_resolving_at_every_checkpoint_of_random_histories()
    {
        var (tried, followed, changed) = (0, 0, 0);
        foreach (var seed in PropertyRun.Seeds(120))
        {
            var random = new Random(seed);
            var yaml = Rules(random);
            if (RuleSet.Parse(yaml, new RuleSetOptions { BucketLimit = random.Next(8) == 0 ? 3 : 1000 }).Rules is not { } rules)
                continue; // a condition relates tables in a way that buckets cannot express
            tried++;
            var index = new RowIndex(rules);
            var request = Request(random);
            Followed? client = null;
            for (var checkpoint = 0; checkpoint < 25; checkpoint++)
            {
                var changes = new List<RecordChange>();
                for (var rows = random.Next(checkpoint == 0 ? 15 : 4); rows > 0; rows--)
                    changes.AddRange(Change(index, random));
                if (random.Next(3) == 0)
                    changes = [.. changes.OrderBy(_ => random.Next())]; // they may come in any order

                var whole = Resolve(rules, request, index);
                if (client is not null && client.TryAdvance(changes, index))
                {
                    followed++;
                    changed += client.Changed;
                    Assert.True(whole is not null, $"seed {seed}, checkpoint {checkpoint}: there is too much, and following did not see it\n{yaml}");
                    Assert.Equal(Text(whole!.Buckets), Text(client.Buckets.Values), (one, other) => one == other ? true : throw Differs(seed, checkpoint, yaml, one, other));
                    Assert.Equal(
                        string.Join(' ', whole.WatchedLookups.Order(StringComparer.Ordinal)), string.Join(' ', client.Watched),
                        (one, other) => one == other ? true : throw Differs(seed, checkpoint, yaml, one, other));
                    continue;
                }
                client = whole?.Follow() is { } start ? new Followed(start, whole) : null;
            }
        }
        Assert.True(tried > 45, $"only {tried} rules compiled");
        Assert.True(followed > tried * 15, $"only {followed} checkpoints of {tried} histories were followed");
        Assert.True(changed > followed / 2, $"only {changed} buckets changed");
    }

    [Fact]
    public void A_change_costs_what_it_changes()
    {
        var result = RuleSet.Parse(
            "bucket_definitions:\n  b:\n    parameters: SELECT x AS p FROM a WHERE y = request.user_id()\n    data: []\n", new RuleSetOptions { BucketLimit = 100_000 });
        var index = new RowIndex(result.Rules!);
        for (var row = 0; row < 20_000; row++)
            index.Put("a", $"{row}", ("id", $"{row}"), ("x", $"x{row}"), ("y", "u"));
        var followed = Resolve(result.Rules!, new BucketRequest(RuleSetHarness.Json("""{"sub":"u"}"""), RuleSetHarness.Json("{}"), true, []), index)!.Follow()!;

        followed.Advance(ToRecords(index.Put("a", "new1", ("id", "new1"), ("x", "new1"), ("y", "u"))), NotRead);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var change = followed.Advance(ToRecords(index.Put("a", "new2", ("id", "new2"), ("x", "new2"), ("y", "u"))), NotRead);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal("b[\"new2\"]", Assert.Single(change!.Buckets).Name);
        Assert.InRange(allocated, 0, 20_000); // 20 000 buckets, of which none was looked at

        static IReadOnlyList<ReadOnlyMemory<byte>> NotRead(string key) => throw new InvalidOperationException($"Lookup {key} did not have to be read.");
    }

    [Fact]
    public void Rules_without_lookups_can_be_followed_too()
    {
        var rules = RuleSet.Parse("bucket_definitions:\n  b:\n    data: [SELECT * FROM a]\n", new RuleSetOptions()).Rules!;
        var resolution = rules.BucketsFor(new BucketRequest(RuleSetHarness.Json("{}"), RuleSetHarness.Json("{}"), true, []));

        Assert.Empty(resolution.Follow()!.Advance([new RecordChange("b:1[]", null, "[1]"u8.ToArray())], _ => [])!.Buckets);
    }

    private static InvalidOperationException Differs(int seed, int checkpoint, string yaml, string whole, string followed) =>
        new($"seed {seed}, checkpoint {checkpoint}\n{yaml}\nresolved {whole}\nfollowed {followed}");

    private static BucketResolution? Resolve(RuleSet rules, BucketRequest request, RowIndex index)
    {
        try
        {
            var resolution = rules.BucketsFor(request);
            while (resolution.Pending.Count > 0)
            {
                foreach (var key in resolution.Pending)
                    resolution.Supply(key, index.Read(key));
                resolution.Advance();
            }
            return resolution;
        }
        catch (BucketLimitException)
        {
            return null;
        }
    }

    private static IEnumerable<RecordChange> Change(RowIndex index, Random random)
    {
        var id = $"{random.Next(8)}";
        var columns = random.Next(4) == 0 ? null : new[] { ("id", (string?)id) }.Concat(Columns.Select(column => (column, Value(random)))).ToArray();
        return ToRecords(index.Put(Tables[random.Next(Tables.Length)], id, columns));
    }

    private static List<RecordChange> ToRecords(
        IEnumerable<(string Key, string Entry, ReadOnlyMemory<byte>? Removed, ReadOnlyMemory<byte>? Added)> changes) =>
        [.. changes.Select(change => new RecordChange(change.Key, change.Removed, change.Added))];

    private static string? Value(Random random) => random.Next(8) == 0 ? null : $"{random.Next(3)}";

    private static string Text(IEnumerable<ResolvedBucket> buckets) => string.Join(
        ' ', buckets.Select(bucket => $"{bucket.Name}!{bucket.Priority}({bucket.Definition}: {string.Join(',', bucket.Reasons)})"));

    private static BucketRequest Request(Random random)
    {
        var user = random.Next(3);
        return new BucketRequest(
            RuleSetHarness.Json($$"""{"sub":"{{user}}","ids":["{{random.Next(3)}}","2","0"]}"""),
            RuleSetHarness.Json($$"""{"p":"{{random.Next(3)}}"}"""),
            IncludeDefaults: random.Next(8) > 0,
            [
                .. Enumerable.Range(0, random.Next(4)).Select(number => new StreamSubscription(
                    random.Next(2) == 0 ? "s0" : "s1", RuleSetHarness.Json($$"""{"p":"{{random.Next(3)}}"}"""), random.Next(3) == 0 ? random.Next(4) : null)),
            ]);
    }

    private static string Rules(Random random) => random.Next(3) == 0
        ? $"""
            bucket_definitions:
              one:
                priority: {random.Next(4)}
                parameters:
                  - SELECT x AS p FROM a WHERE {Parameter(random)}
                  - SELECT z AS p FROM b WHERE {Parameter(random)}
                data: []
              two:
                parameters: SELECT x AS p, y AS q FROM a WHERE z = request.user_id()
                data: []
            """
        : $$"""
            config: {edition: 3}
            streams:
              s0:
                auto_subscribe: {{(random.Next(2) == 0 ? "true" : "false")}}
                priority: {{random.Next(4)}}
                query: "SELECT c.* FROM c, a, b WHERE {{Condition(random, depth: 3)}}"
              s1:
                auto_subscribe: true
                query: "SELECT * FROM c WHERE x IN (SELECT y FROM a WHERE z IN (SELECT x FROM b WHERE {{Atom(random, ["b"])}})) {{(random.Next(2) == 0 ? "" : "AND y IN auth.parameter('ids')")}}"
            """;

    private static string Parameter(Random random) => random.Next(3) switch
    {
        0 => "y = request.user_id()",
        1 => "y = request.user_id() AND z = request.parameters() ->> 'p'",
        _ => "z IN request.jwt() ->> 'ids'",
    };

    private static string Condition(Random random, int depth)
    {
        if (depth == 0 || random.Next(4) == 0)
            return Atom(random, Tables);
        var relation = random.Next(4) == 0 ? "OR" : "AND";
        return $"({Condition(random, depth - 1)} {relation} {Condition(random, depth - 1)})";
    }

    private static string Atom(Random random, string[] tables)
    {
        var name = $"{tables[random.Next(tables.Length)]}.{Columns[random.Next(3)]}";
        return random.Next(7) switch
        {
            0 => string.Create(CultureInfo.InvariantCulture, $"{name} = '{random.Next(3)}'"),
            1 => $"{name} = auth.user_id()",
            2 => $"{name} = subscription.parameter('p')",
            3 => $"{name} IN auth.parameter('ids')",
            _ => $"{name} = {tables[random.Next(tables.Length)]}.{Columns[random.Next(3)]}",
        };
    }

    /// <summary>What somebody knows who is told of changes only.</summary>
    private sealed class Followed(FollowedBuckets buckets, BucketResolution start)
    {
        public SortedDictionary<string, ResolvedBucket> Buckets { get; } =
            new(start.Buckets.ToDictionary(bucket => bucket.Name), StringComparer.Ordinal);

        public SortedSet<string> Watched { get; } = new(start.WatchedLookups, StringComparer.Ordinal);

        public int Changed { get; private set; }

        public bool TryAdvance(List<RecordChange> changes, RowIndex index)
        {
            if (buckets.Advance([.. changes.Where(change => Watched.Contains(change.LookupKey))], index.Read) is not { } change)
                return false;
            foreach (var bucket in change.Buckets)
                Buckets[bucket.Name] = bucket;
            foreach (var name in change.Gone)
                Buckets.Remove(name);
            foreach (var key in change.Watched)
                Assert.True(Watched.Add(key));
            foreach (var key in change.Unwatched)
                Assert.True(Watched.Remove(key));
            Changed = change.Buckets.Count + change.Gone.Count;
            return true;
        }
    }
}
