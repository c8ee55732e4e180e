using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>What evaluating a row costs: no memory beyond what the sink keeps, and nothing for definitions of other tables.</summary>
public sealed class RowCostTests
{
    private const int Rows = 500;

    private static readonly SourceTable Notes = RuleSetHarness.Table(
        "notes", ("id", RuleSetHarness.Text), ("owner", RuleSetHarness.Text), ("tags", 3802), ("size", RuleSetHarness.Integer), ("at", 1184), ("ratio", 701));

    private static readonly SourceRow Row = RuleSetHarness.Row(
        "n1", "ann", """["a","b","c"]""", "42", "2024-03-01 08:00:00.25+00", "1.5");

    [Theory]
    [InlineData("a star and an equality", "SELECT * FROM notes WHERE owner = bucket.u")]
    [InlineData("computed columns", "SELECT id, size * 2 + 1 AS s, ratio || '' AS r FROM notes WHERE owner = bucket.u AND size > 3")]
    [InlineData("an array", "SELECT id FROM notes WHERE bucket.u IN tags")]
    [InlineData("a member of JSON", "SELECT id, tags ->> '0' AS t, json_array_length(tags) AS n FROM notes WHERE owner = bucket.u")]
    [InlineData("a key of one column", "{query: SELECT owner AS o FROM notes WHERE owner = bucket.u OR size = bucket.u, key: [o]}")]
    [InlineData("a key of several columns", "{query: 'SELECT owner, size, ratio FROM notes WHERE owner = bucket.u', key: [owner, size, ratio]}")]
    [InlineData("a join", "SELECT notes.* FROM notes, shares WHERE notes.id = shares.note AND shares.guest = bucket.u OR notes.owner = bucket.u")]
    public void A_row_of_a_bucket_definition_takes_no_memory(string what, string query) => AssertNoMemory(what, $"""
        config:
          extended_bucket_definitions: true
          query_keys: true
        bucket_definitions:
          b:
            parameters: SELECT request.user_id() AS u
            data:
              - {query}
        """);

    [Theory]
    [InlineData("an alternative of each kind", "SELECT * FROM notes WHERE owner = auth.user_id() OR size > 3 OR id IN (SELECT note FROM shares WHERE guest = auth.user_id())")]
    [InlineData("CASE and BETWEEN", "SELECT id, CASE WHEN size BETWEEN 1 AND 50 THEN 's' ELSE 'l' END AS class FROM notes WHERE owner != 'bob' AND owner NOT IN ARRAY['x','y']")]
    [InlineData("membership in a list of the row", "SELECT id FROM notes WHERE owner IN tags OR 'a' IN tags")]
    [InlineData("an array that multiplies the row", "SELECT id FROM notes WHERE tags && auth.parameter('tags')")]
    [InlineData("rows of json_each", "SELECT notes.id FROM notes, json_each(notes.tags) AS tag WHERE tag.value = auth.user_id() AND tag.key < 2")]
    [InlineData("facts of the table", "SELECT id FROM notes WHERE notes.schema() = auth.parameter('schema')")]
    public void A_row_of_a_stream_takes_no_memory(string what, string query) =>
        AssertNoMemory(what, $"config: {{edition: 3}}\nstreams:\n  s:\n    auto_subscribe: true\n    query: \"{query}\"\n");

    [Fact]
    public void An_index_entry_takes_no_memory() => AssertNoMemory("lookups", """
        config: {extended_bucket_definitions: true}
        bucket_definitions:
          plain:
            parameters: SELECT id AS n, request.user_id() AS u FROM notes WHERE owner = request.user_id() AND size > 3
            data: []
          joined:
            parameters: SELECT notes.id AS n FROM notes JOIN teams ON teams.id = notes.owner WHERE teams.person = request.user_id()
            data: [SELECT id FROM pages WHERE note = bucket.n]
        """);

    [Fact]
    public void Definitions_of_other_tables_are_not_touched()
    {
        var others = string.Concat(Enumerable.Range(0, 50).Select(number => $"  o{number}:\n    data: [SELECT id FROM other WHERE owner ->> 'x' = {number}]\n"));
        var evaluator = new RuleSetHarness($"bucket_definitions:\n  b:\n    data: [SELECT id FROM notes]\n{others}").Rules.ForTable(Notes);

        var sink = new CollectingSink();
        evaluator.Evaluate(Row, sink);

        Assert.Equal(["row notes n1 {\"id\":\"n1\"}", "bucket b[]"], sink.Lines);
        Assert.Equal([true, false, false, false, false, false], Enumerable.Range(0, 6).Select(evaluator.Reads));
    }

    private static void AssertNoMemory(string what, string yaml)
    {
        var evaluator = new RuleSetHarness(yaml).Rules.ForTable(Notes);
        var sink = new CountingSink();
        Evaluate(evaluator, sink); // buffers grow to their size
        Assert.True(sink.Results > 0, what);
        Assert.Equal(0, sink.Errors);

        // What the runtime allocates for itself while it compiles comes once or twice; what a row costs comes each time.
        var allocated = Enumerable.Range(0, 10).Min(_ => Allocated(evaluator, sink));

        Assert.True(allocated < Rows, $"{what}: {allocated} bytes for {Rows} rows");
    }

    private static long Allocated(TableEvaluator evaluator, CountingSink sink)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        Evaluate(evaluator, sink);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static void Evaluate(TableEvaluator evaluator, CountingSink sink)
    {
        for (var row = 0; row < Rows; row++)
            evaluator.Evaluate(Row, sink);
    }

    private sealed class CountingSink : IRowSink
    {
        public int Results { get; private set; }

        public int Errors { get; private set; }

        void IRowSink.Row(ReadOnlySpan<byte> table, ReadOnlySpan<byte> id, ReadOnlySpan<byte> data)
        {
        }

        public void Bucket(ReadOnlySpan<byte> name) => Results++;

        public void Lookup(ReadOnlySpan<byte> key, ReadOnlySpan<byte> record) => Results++;

        public void Error(RowError error) => Errors++;
    }
}
