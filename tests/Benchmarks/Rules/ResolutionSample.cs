using System.Text;
using System.Text.Json;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Benchmarks.Rules;

/// <summary>A request that gets a known number of buckets, named after ids in a random order.</summary>
internal sealed class ResolutionSample
{
    /// <summary>
    /// From a list in the token; from one key of the parameter index; from as many keys; through a stream's subquery; from a subscription each.
    /// </summary>
    public static readonly string[] Ways = ["token", "index", "keys", "subquery", "subscriptions"];

    private static readonly Dictionary<string, string> Files = new()
    {
        ["token"] = """
            bucket_definitions:
              by_list:
                parameters: SELECT value AS list FROM json_each(request.jwt() -> 'lists')
                data: [SELECT * FROM tasks WHERE list_id = bucket.list]
            """,
        ["index"] = """
            bucket_definitions:
              by_list:
                parameters: SELECT list_id AS list FROM members WHERE user_id = request.user_id()
                data: [SELECT * FROM tasks WHERE list_id = bucket.list]
            """,
        ["keys"] = """
            bucket_definitions:
              by_list:
                parameters: SELECT id AS list FROM lists WHERE id IN (request.jwt() ->> 'lists')
                data: [SELECT * FROM tasks WHERE list_id = bucket.list]
            """,
        ["subscriptions"] = """
            config: {edition: 3}
            streams:
              by_list:
                accept_potentially_dangerous_queries: true
                query: SELECT * FROM tasks WHERE list_id = subscription.parameter('list')
            """,
        ["subquery"] = """
            config: {edition: 3}
            streams:
              by_list:
                auto_subscribe: true
                query: SELECT * FROM tasks WHERE list_id IN (SELECT list_id FROM members WHERE user_id = auth.user_id())
            """,
    };

    private readonly string[] _ids;
    private readonly RuleSet _rules;
    private readonly BucketRequest _request;
    private readonly List<ReadOnlyMemory<byte>> _records;
    private readonly Dictionary<string, IReadOnlyList<ReadOnlyMemory<byte>>> _recordsOfKey;

    public ResolutionSample(string way, int count)
    {
        Way = way;
        Count = count;
        var random = new Random(7);
        var bytes = new byte[16];
        _ids = [.. Enumerable.Range(0, count).Select(_ =>
        {
            random.NextBytes(bytes);
            return new Guid(bytes).ToString();
        })];
        var result = RuleSet.Parse(Files[way], new RuleSetOptions { BucketLimit = count });
        _rules = result.Rules ?? throw new InvalidOperationException(string.Join('\n', result.Findings));
        var token = JsonSerializer.SerializeToElement(new { sub = "ann", lists = way is "token" or "keys" ? _ids : [] });
        _request = new BucketRequest(token, JsonElement.Parse("{}"), IncludeDefaults: true, way != "subscriptions"
            ? []
            : [.. _ids.Select(id => new StreamSubscription("by_list", JsonSerializer.SerializeToElement(new { list = id }), null))]);
        _recordsOfKey = way != "keys" ? [] : _ids.ToDictionary(
            id => $"by_list:1[\"{id}\"]", id => (IReadOnlyList<ReadOnlyMemory<byte>>)[Encoding.UTF8.GetBytes($"[\"{id}\"]")]);
        _records = [.. _ids.Select(id => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes($"[\"{id}\"]"))];
    }

    public string Way { get; }

    public int Count { get; }

    /// <returns>How many buckets were found.</returns>
    public long Resolve()
    {
        var resolution = _rules.BucketsFor(_request);
        while (resolution.Pending.Count > 0)
        {
            foreach (var key in resolution.Pending)
                resolution.Supply(key, Way == "keys" ? _recordsOfKey[key] : _records);
            resolution.Advance();
        }
        return resolution.Buckets.Count;
    }

    /// <summary>The limit: the names as texts, and nothing known about them.</summary>
    public long WriteNames()
    {
        var names = new string[_ids.Length];
        for (var index = 0; index < names.Length; index++)
            names[index] = $"by_list[\"{_ids[index]}\"]";
        return names.Length;
    }
}
