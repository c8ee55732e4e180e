using TopGun.Buckets.SyncRules;
using TopGun.Buckets.SyncRules.Schema;
using TopGun.Buckets.Tests.Unit.Compose;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules.ClientSchemas;

public sealed class ClientSchemaTests
{
    private const string Rules = """
        config:
          edition: 3
        streams:
          all:
            queries:
              - SELECT * FROM places
              - SELECT id, name, length(name) AS size, price * 2 AS twice, visits + 1 AS next, open AND visits > 0 AS busy FROM places AS summaries
              - SELECT id, CASE WHEN open THEN visits ELSE null END AS seen, CAST(price AS INTEGER) AS euros, picture, missing FROM places AS summaries
        """;

    private static readonly SourceTable Places = RuleSetHarness.Table(
        "places", ("id", 2950), ("name", 25), ("open", 16), ("visits", 23), ("price", 1700), ("height", 701), ("picture", 17), ("made", 1184), ("tags", 1009));

    [Fact]
    public void Types_come_from_the_source_and_from_what_expressions_give()
    {
        var schema = Derive(Rules, Places);

        Assert.Equal(
            [
                "places: name Text, open Integer, visits Integer, price Text, height Real, made Text, tags Text",
                "summaries: name Text, size Integer, twice Real, next Integer, busy Integer, seen Integer, euros Integer",
            ],
            schema.Tables.Select(Text));
        Assert.Contains("The column 'picture' of 'places' is left out: binary values do not reach clients.", schema.Notes);
        Assert.Contains("The column 'missing' of 'summaries' is left out: the source has no such column.", schema.Notes);
    }

    [Fact]
    public void Without_the_source_columns_are_text_and_a_star_is_noted()
    {
        var schema = Derive("bucket_definitions:\n  a:\n    data:\n      - SELECT id, n, a || b AS c FROM t\n      - SELECT * FROM u\n");

        Assert.Equal(["t: n Text, c Text", "u: "], schema.Tables.Select(Text));
        Assert.Equal(["a, line 5: the columns of * are not known without the source."], schema.Notes);
    }

    [Fact]
    public void A_table_that_several_queries_fill_has_the_columns_of_all()
    {
        var schema = Derive(
            "bucket_definitions:\n  a:\n    data:\n      - SELECT id, visits AS x, _note FROM places AS t\n      - SELECT id, height AS x, name FROM places AS t\n",
            RuleSetHarness.Table("places", ("id", 25), ("visits", 23), ("height", 701), ("name", 25), ("_note", 25)));

        Assert.Equal(["t: x Real, _note Text, name Text"], schema.Tables.Select(Text));
    }

    [Fact]
    public void A_star_of_a_bucket_definition_leaves_out_columns_with_an_underscore_and_a_wildcard_gives_each_table()
    {
        var schema = Derive(
            "bucket_definitions:\n  a:\n    data:\n      - SELECT * FROM \"log_%\"\n",
            RuleSetHarness.Table("log_1", ("id", 25), ("a", 25), ("_b", 25)),
            RuleSetHarness.Table("log_2", ("id", 25), ("c", 20)),
            RuleSetHarness.Table("other", ("id", 25)));

        Assert.Equal(["log_1: a Text", "log_2: c Integer"], schema.Tables.Select(Text));
    }

    [Fact]
    public void Names_that_clients_cannot_have_are_left_out()
    {
        var schema = Derive(
            "bucket_definitions:\n  a:\n    data:\n      - SELECT id, \"Name\", name, x AS sqlite_x FROM t\n      - SELECT id FROM tg_t\n",
            RuleSetHarness.Table("t", ("id", 25), ("Name", 25), ("name", 25), ("x", 25)),
            RuleSetHarness.Table("tg_t", ("id", 25)));

        Assert.Equal(["t: Name Text"], schema.Tables.Select(Text));
        Assert.Equal(3, schema.Notes.Count);
    }

    [Fact]
    public void The_csharp_form_is_the_file_that_this_project_compiles()
    {
        var text = ClientSchemaText.CSharp(Derive(Rules, Places), "TopGun.Buckets.Tests.Unit.SyncRules.ClientSchemas", "places");

        Assert.Equal(File.ReadAllText(Repository.Path("tests/Unit/SyncRules/ClientSchemas/AppSchema.g.cs")), text);
    }

    [Fact]
    public void The_compiled_form_declares_the_same_tables() => Assert.Equal(
        Derive(Rules, Places).Tables.Select(Text),
        AppSchema.Create().Tables.Select(table => $"{table.Name}: {string.Join(", ", table.Columns.Select(column => $"{column.Name} {column.Kind}"))}"));

    [Fact]
    public void The_json_form_has_types_in_capitals()
    {
        var json = ClientSchemaText.Json(Derive("bucket_definitions:\n  a:\n    data:\n      - SELECT id, 1 AS n FROM t\n"));

        Assert.Equal(
            """{"tables":[{"name":"t","columns":[{"name":"n","type":"INTEGER"}]}]}""",
            System.Text.Json.JsonSerializer.Serialize(RuleSetHarness.Json(json)));
    }

    private static ClientSchema Derive(string yaml, params SourceTable[] source) =>
        ClientSchema.Of(new RuleSetHarness(yaml).Rules, source.Length == 0 ? null : source);

    private static string Text(ClientTable table) =>
        $"{table.Name}: {string.Join(", ", table.Columns.Select(column => $"{column.Name} {column.Type}"))}";
}
