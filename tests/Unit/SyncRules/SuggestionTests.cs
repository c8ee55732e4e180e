using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>A misspelt name is answered with the one that was probably meant.</summary>
public sealed class SuggestionTests
{
    [Theory]
    [InlineData("bucket_defintions:\n  b:\n    data: []\n", "bucket_definitions")]
    [InlineData("Bucket_Definitions:\n  b:\n    data: []\n", "bucket_definitions")]
    [InlineData("config:\n  fixed_json_extrct: true\nbucket_definitions: {}\n", "fixed_json_extract")]
    [InlineData("config:\n  edition: 2\n  timestamp_max_precision: second\nbucket_definitions: {}\n", "seconds")]
    [InlineData("bucket_definitions:\n  b:\n    datas: []\n    data: []\n", "data")]
    [InlineData("bucket_definitions:\n  b:\n    parameter: SELECT 1 AS a\n    data: []\n", "parameters")]
    [InlineData("bucket_definitions: {}\nevent_definitions:\n  e:\n    payload: []\n", "payloads")]
    public void Keys(string yaml, string meant) => Suggests(yaml, meant);

    [Theory]
    [InlineData("auto_subscibe", "auto_subscribe")]
    [InlineData("querys", "query")]
    [InlineData("accept_dangerous_queries", null)]
    public void Keys_of_a_stream(string key, string? meant) =>
        Suggests($"config:\n  edition: 3\nstreams:\n  s:\n    {key}: x\n    query: SELECT * FROM t\n", meant);

    [Theory]
    [InlineData("SELECT lenght(id) AS id FROM t", "length")]
    [InlineData("SELECT notes.id FROM note", "note")]
    [InlineData("SELECT n.* FROM notes", null)]
    [InlineData("SELECT note.* FROM notes", "notes")]
    [InlineData("SELECT id FROM notes WHERE owner = buket.u", "bucket")]
    [InlineData("SELECT id FROM notes WHERE owner = bucket.usr", "user")]
    public void Names_of_a_data_query(string query, string? meant) =>
        Suggests($"bucket_definitions:\n  b:\n    parameters: SELECT request.user_id() AS \"user\"\n    data:\n      - {query}\n", meant);

    [Theory]
    [InlineData("SELECT request.userid() AS u", "user_id")]
    [InlineData("SELECT request.parametr('x') AS u", "parameter")]
    [InlineData("SELECT reqest.user_id() AS u", "request")]
    [InlineData("SELECT uppr('x') AS u", "upper")]
    [InlineData("SELECT id AS u FROM seats WHERE seat.person = request.user_id()", "seats")]
    public void Names_of_a_parameter_query(string query, string meant) =>
        Suggests($"bucket_definitions:\n  b:\n    parameters: {query}\n    data: []\n", meant);

    [Theory]
    [InlineData("SELECT * FROM notes WHERE owner = auth.userid()", "user_id")]
    [InlineData("SELECT * FROM notes WHERE owner = auth.paramter('x')", "parameter")]
    [InlineData("SELECT * FROM notes WHERE owner = subscription.param('x')", null)]
    [InlineData("SELECT * FROM notes WHERE owner = conection.parameter('x')", "connection")]
    [InlineData("SELECT note.* FROM notes, lists", "notes")]
    [InlineData("SELECT notes.id FROM notes JOIN lists ON notes.list = list.id", "lists")]
    [InlineData("SELECT q.id, q.nmae AS n FROM (SELECT id, name FROM notes) AS q", "name")]
    public void Names_of_a_stream(string query, string? meant) =>
        Suggests($"config:\n  edition: 3\nstreams:\n  s:\n    query: {query}\n", meant);

    [Theory]
    [InlineData("SELECT id, titel FROM notes", "title")]
    [InlineData("SELECT id, title FROM note", "notes")]
    public void Names_of_the_source(string query, string meant)
    {
        var schema = new[] { RuleSetHarness.Table("notes", ("id", RuleSetHarness.Text), ("title", RuleSetHarness.Text)) };

        var result = RuleSet.Parse($"bucket_definitions:\n  b:\n    data:\n      - {query}\n", new RuleSetOptions { Schema = schema });

        Assert.Contains($"Did you mean '{meant}'?", Assert.Single(result.Findings).Message, StringComparison.Ordinal);
    }

    private static void Suggests(string yaml, string? meant)
    {
        var findings = RuleSet.Parse(yaml, new RuleSetOptions()).Findings.Where(finding => finding.Severity == RuleSeverity.Error).ToList();

        Assert.NotEmpty(findings);
        if (meant is null)
            Assert.DoesNotContain(findings, finding => finding.Message.Contains("Did you mean", StringComparison.Ordinal));
        else
            Assert.Contains(findings, finding => finding.Message.Contains($"Did you mean '{meant}'?", StringComparison.Ordinal));
    }
}
