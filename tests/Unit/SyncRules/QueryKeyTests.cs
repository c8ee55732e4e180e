using System.Text.Json;
using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>Queries that compose the id of their rows.</summary>
public sealed class QueryKeyTests
{
    private const uint Integer = RuleSetHarness.Integer;
    private const uint Text = RuleSetHarness.Text;
    private const uint Real = 701;
    private const uint Bytes = 17;

    [Fact]
    public void Several_columns_make_the_id_a_json_array()
    {
        var rules = Rules("SELECT tenant, number, total FROM invoices", "[tenant, number]");
        var table = RuleSetHarness.Table("invoices", ("tenant", Text), ("number", Integer), ("total", Real));

        Assert.Equal(
            ["row invoices [\"t\\\"1\",7] {\"tenant\":\"t\\\"1\",\"number\":7,\"total\":2.0}", "bucket b[]"],
            rules.Put(table, RuleSetHarness.Row("t\"1", "7", "2")));
    }

    [Theory]
    [InlineData("code")]
    [InlineData("[code]")]
    public void One_column_makes_the_id_its_text(string key) => Assert.Equal(
        ["row t 7 {\"code\":7,\"name\":\"x\"}", "bucket b[]"],
        Rules("SELECT code, name FROM t", key).Put(RuleSetHarness.Table("t", ("code", Integer), ("name", Text)), RuleSetHarness.Row("7", "x")));

    [Fact]
    public void The_key_can_name_computed_outputs_and_columns_of_a_star()
    {
        Assert.Equal(
            "row t [\"AB\",2] {\"code\":\"ab\",\"n\":2,\"big\":\"AB\"}",
            Rules("SELECT *, upper(code) AS big FROM t", "[big, n]")
                .Put(RuleSetHarness.Table("t", ("code", Text), ("n", Integer)), RuleSetHarness.Row("ab", "2"))[0]);
    }

    [Fact]
    public void A_selected_id_shows_the_composed_one() => Assert.Equal(
        "row t [\"t1\",5] {\"tenant\":\"t1\",\"id\":\"[\\\"t1\\\",5]\"}",
        Rules("SELECT * FROM t", "[tenant, id]").Put(RuleSetHarness.Table("t", ("tenant", Text), ("id", Integer)), RuleSetHarness.Row("t1", "5"))[0]);

    [Fact]
    public void Different_values_never_make_the_same_id()
    {
        var rules = Rules("SELECT a, b FROM t", "[a, b]");
        string?[][] rows = [["x", "y"], ["x,y", ""], ["", "x,y"], ["x\",\"y", ""], ["1", "2"], ["[1", "2]"], ["\u0001", "é"], ["null", "1.0"]];

        var ids = rows.Select(row => Id(rules.Put("t", ("a", row[0]), ("b", row[1])))).ToList();

        Assert.Equal(rows.Length, ids.Distinct().Count());
        Assert.Equal(rows.Select(row => $"{row[0]}|{row[1]}"), ids.Select(id => string.Join('|', JsonElement.Parse(id).EnumerateArray().Select(part => part.GetString()))));
    }

    [Fact]
    public void Whole_reals_and_integers_make_the_same_id_but_text_does_not()
    {
        var rules = Rules("SELECT a, b FROM t", "[a, b]");

        Assert.Equal("[5,1.5]", Id(rules.Put(RuleSetHarness.Table("t", ("a", Real), ("b", Real)), RuleSetHarness.Row("5.0", "1.5"))));
        Assert.Equal("[5,\"1.5\"]", Id(rules.Put(RuleSetHarness.Table("t", ("a", Integer), ("b", Text)), RuleSetHarness.Row("5", "1.5"))));
    }

    [Theory]
    [InlineData("null", Text, null)]
    [InlineData("a blob", Bytes, "\\x01")]
    [InlineData("not a number", Real, "NaN")]
    public void A_key_column_without_usable_value_fails_the_row(string what, uint type, string? value)
    {
        var rules = Rules("SELECT a, b FROM t", "[a, b]");

        Assert.True(rules.Put(RuleSetHarness.Table("t", ("a", Text), ("b", type)), RuleSetHarness.Row("x", value)) is ["error Data b"], what);
    }

    [Fact]
    public void A_table_without_the_key_column_fails_its_rows() =>
        Assert.Equal(["error Data b"], Rules("SELECT * FROM t", "[a, b]").Put("t", ("a", "x")));

    [Fact]
    public void Queries_with_other_keys_write_the_row_under_each_id()
    {
        var rules = new RuleSetHarness("""
            config: {query_keys: true}
            bucket_definitions:
              one:
                data: [{query: SELECT a AS id FROM t}]
              two:
                data: [{query: SELECT a AS id FROM t, key: id}, {query: "SELECT a AS id FROM t", key: [id]}]
            """);

        Assert.Equal(
            ["row t x {\"id\":\"x\"}", "bucket one[]", "row t x {\"id\":\"x\"}", "bucket two[]"],
            rules.Put("t", ("a", "x")));
    }

    [Fact]
    public void Streams_take_keys_in_query_and_queries()
    {
        var rules = new RuleSetHarness("""
            config: {edition: 3, query_keys: true}
            streams:
              one:
                auto_subscribe: true
                query: {query: SELECT a FROM t, key: a}
              two:
                auto_subscribe: true
                queries:
                  - query: SELECT u.* FROM u JOIN v ON v.x = u.x WHERE v.owner = auth.user_id()
                    key: [x, y]
                  - SELECT * FROM w
            """);

        Assert.Equal("row t 1 {\"a\":\"1\"}", rules.Put("t", ("a", "1"))[0]);
        Assert.Equal("row u [\"1\",\"2\"] {\"x\":\"1\",\"y\":\"2\"}", rules.Put("u", ("x", "1"), ("y", "2"))[0]);
        Assert.Equal("row w 3 {\"id\":\"3\"}", rules.Put("w", ("id", "3"))[0]);
    }

    [Fact]
    public void The_key_is_part_of_the_fingerprint_and_the_switch_is_not()
    {
        const string file = "bucket_definitions:\n  b:\n    data: [SELECT a AS id FROM t]\n";
        var plain = Fingerprint(file);

        Assert.Equal(plain, Fingerprint("config: {query_keys: true}\n" + file));
        Assert.NotEqual(plain, Fingerprint("config: {query_keys: true}\nbucket_definitions:\n  b:\n    data: [{query: SELECT a AS id FROM t, key: id}]\n"));
    }

    [Theory]
    [InlineData("      - {query: SELECT a FROM t, key: b}", "5:39 sql_semantics")]
    [InlineData("      - {query: SELECT * FROM t, key: _b}", "5:39 sql_semantics")]
    [InlineData("      - {query: SELECT a FROM t}", "5:17 sql_semantics")]
    [InlineData("      - {query: SELECT a FROM t, key: []}", "5:39 yaml_structure|5:17 sql_semantics")]
    [InlineData("      - {query: SELECT a FROM t, key: [a, a]}", "5:43 yaml_structure")]
    [InlineData("      - {query: SELECT a FROM t, key: 5}", "5:39 yaml_structure|5:17 sql_semantics")]
    [InlineData("      - {query: SELECT a FROM t, key: {a: b}}", "5:39 yaml_structure|5:17 sql_semantics")]
    [InlineData("      - {query: SELECT a FROM t, keys: a}", "5:34 yaml_structure|5:17 sql_semantics")]
    [InlineData("      - {key: a}", "5:9 yaml_structure")]
    public void Mistakes_are_reported_at_their_place(string query, string places) => Assert.Equal(
        places.Split('|').Order(),
        RuleSetHarness.Findings($"config: {{query_keys: true}}\nbucket_definitions:\n  b:\n    data:\n{query}\n").Order());

    [Fact]
    public void Without_the_switch_a_mapping_is_refused_and_the_switch_named()
    {
        var finding = Assert.Single(RuleSet.Parse("bucket_definitions:\n  b:\n    data:\n      - {query: SELECT a FROM t, key: a}\n", new RuleSetOptions()).Findings);

        Assert.Equal("4:9 yaml_structure", $"{finding.Line}:{finding.Column} {finding.Class}");
        Assert.Contains("'query_keys: true' under 'config'", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_column_that_the_source_does_not_have_is_warned_of()
    {
        var findings = RuleSet.Parse(
            "config: {query_keys: true}\nbucket_definitions:\n  b:\n    data: [{query: SELECT * FROM t, key: [tenant, nr]}]\n",
            new RuleSetOptions { Schema = [RuleSetHarness.Table("t", ("tenant", Text), ("no", Integer))] }).Findings;

        Assert.Equal("4:51 column_not_found", $"{Assert.Single(findings).Line}:{findings[0].Column} {findings[0].Class}");
    }

    private static string Id(List<string> lines) => lines[0]["row t ".Length..lines[0].LastIndexOf(" {", StringComparison.Ordinal)];

    private static string Fingerprint(string yaml) => new RuleSetHarness(yaml).Rules.Definitions[0].Fingerprint;

    private static RuleSetHarness Rules(string query, string key) =>
        new($"config: {{query_keys: true}}\nbucket_definitions:\n  b:\n    data:\n      - query: {query}\n        key: {key}\n");
}
