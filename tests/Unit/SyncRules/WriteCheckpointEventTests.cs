using System.Text;
using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>Write checkpoints that the app's backend writes into a table.</summary>
public class WriteCheckpointEventTests
{
    [Theory]
    [InlineData("write_checkpoints", "SELECT user_id, client_id, checkpoint FROM checkpoints")]
    [InlineData("checkpoint_requests", "SELECT owner AS user_id, device AS client_id, number AS checkpoint FROM checkpoints")]
    [InlineData("write_checkpoints", "SELECT * FROM checkpoints")]
    public void A_row_is_filed_under_its_user_and_client(string name, string payload)
    {
        var rules = Rules(name, payload);

        var lines = rules.Put(
            "checkpoints", ("user_id", "u1"), ("client_id", "d\"1"), ("checkpoint", "5"), ("owner", "u1"), ("device", "d\"1"), ("number", "5"));

        Assert.Equal([$$"""lookup event {{name}}:1["u1/d\"1"] ["5"]"""], lines);
        Assert.Equal([$$"""event {{name}}:1["u1/d\"1"]"""], rules.Rules.WriteCheckpointLookups("u1/d\"1"));
        Assert.True(rules.Rules.ReadsWriteCheckpoints);
        Assert.True(rules.Rules.Uses("public", "checkpoints"));
        Assert.Equal(["a[]"], rules.BucketNames("""{"sub":"u1"}"""));
    }

    [Fact]
    public void A_row_without_a_client_is_the_users_and_one_without_user_or_number_is_nobodys()
    {
        var rules = Rules("write_checkpoints", "SELECT user_id, client_id, checkpoint FROM checkpoints WHERE kind = 'done'");
        var table = RuleSetHarness.Table(
            "checkpoints", ("user_id", RuleSetHarness.Integer), ("client_id", RuleSetHarness.Text), ("checkpoint", RuleSetHarness.Integer), ("kind", RuleSetHarness.Text));

        Assert.Equal(["""lookup event write_checkpoints:1["7"] [12]"""], rules.Put(table, RuleSetHarness.Row("7", null, "12", "done")));
        Assert.Equal(["""lookup event write_checkpoints:1["7/c"] [12]"""], rules.Put(table, RuleSetHarness.Row("7", "c", "12", "done")));
        Assert.Empty(rules.Put(table, RuleSetHarness.Row(null, "c", "12", "done")));
        Assert.Empty(rules.Put(table, RuleSetHarness.Row("7", "c", null, "done")));
        Assert.Empty(rules.Put(table, RuleSetHarness.Row("7", "c", "12", "waits")));
    }

    [Fact]
    public void Other_rules_for_them_are_other_rules_and_other_events_are_none()
    {
        var before = Rules("write_checkpoints", "SELECT user_id, checkpoint FROM checkpoints").Rules;
        var after = Rules("write_checkpoints", "SELECT user_id, checkpoint FROM others").Rules;
        var none = Rules("audit", "SELECT user_id, checkpoint FROM checkpoints").Rules;

        Assert.NotEqual(before.Definitions, after.Definitions);
        Assert.Equal("others", Assert.Single(after.Without(none).Tables).Name);
        Assert.Equal((false, false), (none.ReadsWriteCheckpoints, none.Uses("public", "checkpoints")));
        Assert.Empty(none.WriteCheckpointLookups("u1"));
        var loaded = RuleSet.Load(before.Serialize(), new RuleSetOptions()).Rules!;
        Assert.Equal(before.WriteCheckpointLookups("u1"), loaded.WriteCheckpointLookups("u1"));
        Assert.Equal(before.Definitions, loaded.Definitions);
    }

    [Theory]
    [InlineData("SELECT client_id, checkpoint FROM checkpoints", "user_id")]
    [InlineData("SELECT user_id, number FROM checkpoints", "checkpoint")]
    public void A_payload_that_lacks_a_column_is_refused(string payload, string missing)
    {
        var result = RuleSet.Parse(Yaml("write_checkpoints", payload), new RuleSetOptions());

        Assert.Null(result.Rules);
        Assert.Contains($"must select '{missing}'", Assert.Single(result.Findings).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_highest_number_counts_and_what_is_none_is_passed_over()
    {
        Assert.Null(Highest());
        Assert.Null(Highest("[0]", "[-1]", "[1.5]", "[\"x\"]", "[\"-1\"]", "[9223372036854775808]"));
        Assert.Equal(12ul, Highest("[3]", "[\"12\"]", "[11]", "[1.5]"));
        Assert.Equal(9223372036854775807ul, Highest("[\"9223372036854775807\"]", "[1]"));

        static ulong? Highest(params string[] records) =>
            WriteCheckpointRecords.Highest([.. records.Select(record => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(record))]);
    }

    private static RuleSetHarness Rules(string name, string payload) => new(Yaml(name, payload));

    private static string Yaml(string name, string payload) => $"""
        bucket_definitions:
          a: {"{"}data: [SELECT id FROM lists]{"}"}
        event_definitions:
          {name}:
            payloads:
              - "{payload}"
        """;
}
