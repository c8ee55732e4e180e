using System.Text;
using System.Text.Json;
using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>A compiled rules file with an index in memory: rows in, buckets out.</summary>
internal sealed class RuleSetHarness
{
    public const uint Text = 25;
    public const uint Integer = 20;

    private readonly Dictionary<string, List<ReadOnlyMemory<byte>>> _index = [];

    public RuleSetHarness(string yaml, RuleSetOptions? options = null)
    {
        var result = RuleSet.Parse(yaml, options ?? new RuleSetOptions());
        Assert.True(result.Rules is not null, string.Join('\n', result.Findings));
        Rules = result.Rules!;
    }

    public RuleSet Rules { get; }

    /// <summary>Findings of a file that may be wrong, as <c>line:column class</c>.</summary>
    public static List<string> Findings(string yaml) =>
        [.. RuleSet.Parse(yaml, new RuleSetOptions()).Findings.Select(finding => $"{finding.Line}:{finding.Column} {finding.Class}")];

    public static SourceTable Table(string name, params (string Name, uint Type)[] columns) => new(
        1, "public", name, [.. columns.Select(column => new SourceColumn(column.Name, column.Type, -1, column.Name == "id"))], ReplicaIdentity.Default);

    public static SourceRow Row(params string?[] values)
    {
        var row = new SourceRow();
        row.Reset(values.Length);
        for (var index = 0; index < values.Length; index++)
            row[index] = values[index] is { } text ? new SourceValue(SourceValueKind.Text, Encoding.UTF8.GetBytes(text)) : SourceValue.Null;
        return row;
    }

    /// <summary>Evaluates a row of text columns, keeps its index entries and gives what it produced.</summary>
    public List<string> Put(string table, params (string Column, string? Value)[] values) =>
        Put(Table(table, [.. values.Select(value => (value.Column, Text))]), Row([.. values.Select(value => value.Value)]));

    public List<string> Put(SourceTable table, SourceRow row)
    {
        var sink = new CollectingSink();
        Rules.ForTable(table).Evaluate(row, sink);
        foreach (var (key, record) in sink.Lookups)
        {
            if (!_index.TryGetValue(key, out var records))
                _index[key] = records = [];
            records.Add(record);
        }
        return sink.Lines;
    }

    /// <summary>Resolves a request against the index.</summary>
    public BucketResolution Resolve(string token, string parameters = "{}", params StreamSubscription[] subscriptions)
    {
        var request = new BucketRequest(Json(token), Json(parameters), IncludeDefaults: true, subscriptions);
        var resolution = Rules.BucketsFor(request);
        while (resolution.Pending.Count > 0)
        {
            foreach (var key in resolution.Pending)
                resolution.Supply(key, _index.TryGetValue(key, out var records) ? records : []);
            resolution.Advance();
        }
        return resolution;
    }

    public string[] BucketNames(string token, string parameters = "{}") =>
        [.. Resolve(token, parameters).Buckets.Select(bucket => bucket.Name)];

    public static JsonElement Json(string text) => JsonElement.Parse(text);
}
