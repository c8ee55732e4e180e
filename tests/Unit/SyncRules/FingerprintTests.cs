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
    public void What_does_not_change_the_meaning_keeps_the_fingerprint(string what, string changed) =>
        Assert.True(Of(Original) == Of(changed), what);

    [Theory]
    [InlineData("SELECT id, title FROM notes", "SELECT id, body FROM notes")]
    [InlineData("WHERE owner = bucket.u", "WHERE author = bucket.u")]
    [InlineData("FROM lists", "FROM other.lists")]
    [InlineData("request.user_id() AS u", "request.jwt() ->> 'org' AS u")]
    [InlineData("    parameters:", "    priority: 1\n    parameters:")]
    [InlineData("bucket_definitions:", "config: {edition: 2}\nbucket_definitions:")]
    public void What_changes_the_meaning_changes_the_fingerprint(string from, string to) =>
        Assert.NotEqual(Of(Original), Of(Original.Replace(from, to, StringComparison.Ordinal)));

    private static string Of(string yaml) =>
        new RuleSetHarness(yaml).Rules.Definitions.Single(definition => definition.Name == "mine").Fingerprint;
}
