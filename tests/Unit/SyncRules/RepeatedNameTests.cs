using Xunit;

namespace TopGun.Buckets.Tests.Unit.SyncRules;

/// <summary>A row is written to a bucket once, however many ways lead there.</summary>
public sealed class RepeatedNameTests
{
    [Fact]
    public void Queries_of_one_definition_with_the_same_output_write_the_row_once()
    {
        var rules = new RuleSetHarness("""
            bucket_definitions:
              b:
                parameters: SELECT request.user_id() AS u
                data:
                  - SELECT id FROM notes WHERE owner = bucket.u
                  - SELECT id FROM notes WHERE author = bucket.u
            """);

        Assert.Equal(["row notes n {\"id\":\"n\"}", "bucket b[\"x\"]"], rules.Put("notes", ("id", "n"), ("owner", "x"), ("author", "x")));
        Assert.Equal(
            ["row notes n {\"id\":\"n\"}", "bucket b[\"x\"]", "bucket b[\"y\"]"], rules.Put("notes", ("id", "n"), ("owner", "x"), ("author", "y")));
    }

    [Fact]
    public void Repeated_elements_of_an_array_count_once_among_many_buckets()
    {
        var others = string.Concat(Enumerable.Range(0, 30).Select(number => $"  o{number}:\n    data: [SELECT id FROM notes]\n"));
        var rules = new RuleSetHarness(
            $"bucket_definitions:\n{others}  b:\n    parameters: SELECT request.user_id() AS u\n    data: [SELECT id FROM notes WHERE bucket.u IN readers]\n");

        var readers = string.Join(',', Enumerable.Range(0, 60).Select(number => $"\"{number % 25}\""));
        var lines = rules.Put("notes", ("id", "n"), ("readers", $"[{readers}]"));

        Assert.Equal(1 + 30 + 25, lines.Count);
        Assert.Equal(lines.Count, lines.Distinct().Count());
    }

    [Fact]
    public void Names_that_begin_like_the_key_of_another_definition_are_told_apart()
    {
        var rules = new RuleSetHarness("""
            bucket_definitions:
              a:
                parameters: SELECT request.user_id() AS u
                data: [SELECT id FROM notes WHERE owner = bucket.u]
              'a["x':
                data: [SELECT id FROM notes]
              'a["y':
                data: [SELECT id FROM notes]
            """);

        Assert.Equal(
            ["row notes n {\"id\":\"n\"}", "bucket a[\"x[\"]", "bucket a[\"x[]", "bucket a[\"y[]"],
            rules.Put("notes", ("id", "n"), ("owner", "x[")));
    }
}
