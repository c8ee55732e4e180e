using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Unit.SyncRules.Properties;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

public sealed class FingerprintTests
{
    private const string Original = """
        bucket_definitions:
          mine:
            parameters: SELECT request.user_id() AS u
            data:
              - SELECT id, title FROM notes WHERE owner = bucket.u
              - SELECT * FROM lists WHERE owner = bucket.u
        """;

    private const string Stream = """
        config: {edition: 3}
        with:
          teams: SELECT team FROM members WHERE person = auth.user_id()
        streams:
          mine:
            auto_subscribe: true
            queries:
              - SELECT id, title, upper(title) AS loud FROM notes WHERE team IN teams AND NOT hidden
              - SELECT lists.* FROM lists JOIN shares ON shares.list = lists.id WHERE shares.person = auth.user_id() AND shares.level > 2
        """;

    [Theory]
    [InlineData("formatting", """
        # a comment
        bucket_definitions:
          mine:
            data:
              - "select  id , title
                 from notes where (owner = bucket.u) -- mine"
              - SELECT * FROM public.lists WHERE owner = bucket.u;
            parameters: [SELECT request.user_id() u]
        """)]
    [InlineData("order of data queries", """
        bucket_definitions:
          mine:
            parameters: SELECT request.user_id() AS u
            data:
              - SELECT * FROM lists WHERE owner = bucket.u
              - SELECT id, title FROM notes WHERE owner = bucket.u
        """)]
    [InlineData("another definition", """
        bucket_definitions:
          other:
            data: [SELECT * FROM t]
          mine:
            parameters: SELECT request.user_id() AS u
            data:
              - SELECT id, title FROM notes WHERE owner = bucket.u
              - SELECT * FROM lists WHERE owner = bucket.u
        """)]
    [InlineData("the parameter's name", """
        bucket_definitions:
          mine:
            parameters: SELECT request.user_id() AS me
            data:
              - SELECT id, title FROM notes WHERE owner = bucket.me
              - SELECT * FROM lists WHERE owner = bucket.me
        """)]
    [InlineData("switches that are what they are by default", """
        config: {edition: 1, fixed_json_extract: false}
        bucket_definitions:
          mine:
            parameters: SELECT request.user_id() AS u
            data:
              - SELECT id, title FROM notes WHERE owner = bucket.u
              - SELECT * FROM lists WHERE bucket.u = owner
        """)]
    public void What_does_not_change_the_meaning_keeps_the_fingerprint(string what, string changed) =>
        Assert.True(Of(Original) == Of(changed), what);

    [Theory]
    [InlineData("teams", "my_teams")]
    [InlineData("team IN teams", "team IN (SELECT m.team FROM members AS m WHERE m.person = auth.user_id())")]
    [InlineData("FROM lists JOIN shares ON shares.list = lists.id WHERE shares", "FROM lists, shares WHERE lists.id = shares.list AND shares")]
    [InlineData("shares.person = auth.user_id() AND shares.level > 2", "shares.level > 2 AND auth.user_id() = shares.person")]
    [InlineData("auth.user_id()", "AUTH.User_Id( )")]
    [InlineData("streams:", "streams:\n  other: {query: SELECT * FROM x}")]
    public void A_stream_written_otherwise_keeps_its_fingerprint(string from, string to) =>
        Assert.Equal(Of(Stream), Of(Stream.Replace(from, to, StringComparison.Ordinal)));

    [Theory]
    [InlineData("SELECT id, title FROM notes", "SELECT id, body FROM notes")]
    [InlineData("SELECT id, title FROM notes", "SELECT title, id FROM notes")]
    [InlineData("SELECT id, title FROM notes", "SELECT id, title AS body FROM notes")]
    [InlineData("FROM notes", "FROM notes AS memos")]
    [InlineData("FROM notes", "FROM \"notes%\" AS notes")]
    [InlineData("WHERE owner = bucket.u", "WHERE author = bucket.u")]
    [InlineData("WHERE owner = bucket.u", "WHERE owner = bucket.u AND done")]
    [InlineData("WHERE owner = bucket.u", "WHERE bucket.u IN owner")]
    [InlineData("FROM lists", "FROM other.lists")]
    [InlineData("request.user_id() AS u", "request.jwt() ->> 'org' AS u")]
    [InlineData("request.user_id() AS u", "request.user_id() AS u WHERE request.jwt() ->> 'admin'")]
    [InlineData("request.user_id() AS u", "id AS u FROM users WHERE token = request.user_id()")]
    [InlineData("request.user_id() AS u", "request.user_id() AS u, 1 AS _priority")]
    [InlineData("    parameters:", "    priority: 1\n    parameters:")]
    [InlineData("bucket_definitions:", "config: {edition: 2}\nbucket_definitions:")]
    [InlineData("bucket_definitions:", "config: {timestamps_iso8601: true}\nbucket_definitions:")]
    public void What_changes_the_meaning_changes_the_fingerprint(string from, string to) =>
        Assert.NotEqual(Of(Original), Of(Original.Replace(from, to, StringComparison.Ordinal)));

    [Theory]
    [InlineData("NOT hidden", "hidden")]
    [InlineData("upper(title)", "lower(title)")]
    [InlineData("upper(title)", "'upper(title)'")]
    [InlineData("AS loud", "AS title2")]
    [InlineData("level > 2", "level > 3")]
    [InlineData("level > 2", "level > 2.0")]
    [InlineData("level > 2", "level > '2'")]
    [InlineData("level > 2", "level >= 2")]
    [InlineData("person = auth.user_id()\nstreams", "person = auth.parameter('x')\nstreams")]
    [InlineData("person = auth.user_id()\nstreams", "person = connection.parameter('sub')\nstreams")]
    [InlineData("person = auth.user_id()\nstreams", "person = auth.user_id() AND active\nstreams")]
    [InlineData("SELECT team FROM members", "SELECT org FROM members")]
    [InlineData("FROM members", "FROM people")]
    [InlineData("auto_subscribe: true", "auto_subscribe: false")]
    [InlineData("auto_subscribe: true", "priority: 0\n    auto_subscribe: true")]
    [InlineData("edition: 3", "edition: 3, unstable_sqlite_expression_engine: true")]
    [InlineData("edition: 3", "edition: 3, timestamp_max_precision: seconds")]
    public void A_stream_that_means_something_else_has_another_fingerprint(string from, string to) =>
        Assert.NotEqual(Of(Stream), Of(Stream.Replace(from, to, StringComparison.Ordinal)));

    /// <summary>Where two queries give the same row of one client table, the later one wins.</summary>
    [Fact]
    public void The_order_of_queries_for_one_client_table_counts()
    {
        const string First = "bucket_definitions:\n  mine:\n    data:\n      - SELECT id, a FROM x AS t\n      - SELECT id, b FROM y AS t\n";
        const string Second = "bucket_definitions:\n  mine:\n    data:\n      - SELECT id, b FROM y AS t\n      - SELECT id, a FROM x AS t\n";

        Assert.NotEqual(Of(First), Of(Second));
    }

    /// <summary>Every query of every sample is written again from its syntax tree.</summary>
    [Fact]
    public void Every_sample_keeps_its_fingerprints_when_its_queries_are_printed()
    {
        var count = 0;
        foreach (var yaml in SampleFiles.All)
        {
            if (RuleSet.Parse(yaml, new RuleSetOptions()).Rules is not { } rules || SampleFiles.Reprinted(yaml) is not { } printed)
                continue; // a sample of a mistake, or one whose column names are the text of expressions
            count++;

            var again = new RuleSetHarness(printed).Rules;

            Assert.True(rules.Definitions.SequenceEqual(again.Definitions), $"{yaml}\n{printed}");
        }
        Assert.True(count > 80, $"only {count} files");
    }

    private static string Of(string yaml) =>
        new RuleSetHarness(yaml).Rules.Definitions.Single(definition => definition.Name == "mine").Fingerprint;
}
