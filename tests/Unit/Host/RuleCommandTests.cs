using System.CommandLine;
using System.Text.Json;
using TopGun.Buckets.Host;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Host;

/// <summary>The commands about rules, as far as they need no database.</summary>
public sealed class RuleCommandTests : IDisposable
{
    private const string Rules = """
        bucket_definitions:
          mine:
            parameters: SELECT request.user_id() AS me
            data:
              - SELECT id, title FROM notes WHERE owner = bucket.me AND NOT archived
        """;

    private readonly string _file = Path.Combine(Path.GetTempPath(), $"topgun-rules-{Guid.NewGuid():N}.yaml");

    public void Dispose() => File.Delete(_file);

    [Fact]
    public async Task Validate_accepts_with_exit_code_0()
    {
        var run = await RunAsync(Rules, "validate", _file);

        Assert.Equal((ExitCode.Done, $"{_file}: accepted, 1 definition, 0 warnings.\n"), (run.ExitCode, run.Output));
    }

    [Fact]
    public async Task Validate_refuses_with_exit_code_1_and_shows_every_mistake()
    {
        var run = await RunAsync(Rules.Replace("NOT archived", "nope(id)", StringComparison.Ordinal) + "\n    prio: 1\n", "validate", _file);

        Assert.Equal(ExitCode.Failed, run.ExitCode);
        Assert.Contains(":5:65: error TGB3005:", run.Output, StringComparison.Ordinal);
        Assert.Contains("^^^^\n", run.Output, StringComparison.Ordinal);
        Assert.Contains(":6:5: error TGB3002:", run.Output, StringComparison.Ordinal);
        Assert.Contains("refused, 2 errors", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Validate_as_json_gives_each_finding_its_place_in_the_file()
    {
        var yaml = Rules.Replace("NOT archived", "lenght(id)", StringComparison.Ordinal);

        var run = await RunAsync(yaml, "validate", _file, "--json");

        var result = JsonElement.Parse(run.Output);
        var finding = Assert.Single(result.GetProperty("findings").EnumerateArray());
        Assert.False(result.GetProperty("valid").GetBoolean());
        Assert.Equal(("error", "sql_reference", "TGB3005"), (Text(finding, "severity"), Text(finding, "class"), Text(finding, "code")));
        Assert.Equal((5, 65), (finding.GetProperty("line").GetInt32(), finding.GetProperty("column").GetInt32()));
        Assert.Equal(("lenght", "length"), (Text(finding, "text"), Text(finding, "suggestion")));
        Assert.Equal("lenght", yaml[finding.GetProperty("start").GetInt32()..finding.GetProperty("end").GetInt32()]);
    }

    [Theory]
    [InlineData("not an address")]
    [InlineData("postgres://ann:secret@")]
    public async Task A_source_that_is_no_address_is_misuse(string url)
    {
        var run = await RunAsync(Rules, "validate", _file, "--schema-from", url);

        Assert.Equal(ExitCode.Misused, run.ExitCode);
        Assert.Contains("TGB1001", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_source_that_does_not_answer_is_named()
    {
        var run = await RunAsync(Rules, "validate", _file, "--schema-from", "host=127.0.0.1 port=1 dbname=app user=x");

        Assert.Equal(ExitCode.Failed, run.ExitCode);
        Assert.Contains("TGB1101", run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }

    [Fact]
    public async Task Explain_row_tells_conditions_buckets_and_what_clients_get()
    {
        var run = await RunAsync(
            Rules, "explain", "row", "notes", "--rules", _file, "--row", """{"id": "n1", "title": "Milk", "owner": "ann", "archived": false}""");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal(
            """
            public.notes: id = "n1", title = "Milk", owner = "ann", archived = 0

            mine, line 5: SELECT id, title FROM notes WHERE owner = bucket.me AND NOT archived
                NOT archived  is  1
                owner  is  "ann"
                in bucket mine["ann"]
                clients get notes 'n1': {"id":"n1","title":"Milk"}

            The row is in 1 bucket: mine["ann"]

            """,
            run.Output);
    }

    [Theory]
    [InlineData("ann", "The user gets it through mine[\"ann\"]\n")]
    [InlineData("bob", "The user does not get it: of mine they have mine[\"bob\"].\n")]
    public async Task Explain_row_tells_whether_a_user_gets_it(string user, string end)
    {
        var run = await RunAsync(
            Rules, "explain", "row", "notes", "--rules", _file, "--user", user, "--row", """{"id": "n1", "owner": "ann", "archived": false}""");

        Assert.EndsWith(end, run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_row_names_the_tables_that_are_read_when_this_one_is_not()
    {
        var run = await RunAsync(Rules, "explain", "row", "Notes", "--rules", _file, "--row", "{}");

        Assert.Contains("No query of the rules reads this table. They read public.notes.", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"sub": "ann", "role": "x"}""")]
    [InlineData("ann")]
    public async Task Explain_user_takes_claims_or_a_name(string user)
    {
        var run = await RunAsync(Rules, "explain", "user", user, "--rules", _file);

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.EndsWith("The user gets 1 bucket:\n  mine[\"ann\"]  priority 3\n", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_user_takes_a_token_as_clients_send_it()
    {
        var token = new DevelopmentToken
        {
            Secret = new byte[32], KeyId = null, Subject = "ann", Audiences = ["app"], Claims = [],
        }.Sign(DateTimeOffset.UnixEpoch, TimeSpan.FromMinutes(5));

        var run = await RunAsync(Rules, "explain", "user", token, "--rules", _file, "--json");

        var explanation = JsonElement.Parse(run.Output);
        Assert.Equal("mine[\"ann\"]", Text(Assert.Single(explanation.GetProperty("buckets").EnumerateArray()), "name"));
        Assert.Equal("request.user_id()", Text(explanation.GetProperty("definitions")[0].GetProperty("ways")[0].GetProperty("keys")[0], "text"));
    }

    [Fact]
    public async Task What_has_to_be_looked_up_needs_a_source()
    {
        var rules = Rules.Replace("SELECT request.user_id() AS me", "SELECT owner AS me FROM friends WHERE friend = request.user_id()", StringComparison.Ordinal);

        var run = await RunAsync(rules, "explain", "user", "ann", "--rules", _file);

        Assert.Equal(ExitCode.Misused, run.ExitCode);
        Assert.Contains("'source Postgres' is missing", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("explain", "user", "{broken")]
    [InlineData("explain", "user", "ann", "--parameters", "[]")]
    [InlineData("explain", "user", "ann", "--subscribe", "room=5")]
    [InlineData("explain", "row", "notes")]
    [InlineData("explain", "row", "notes", "n1", "--row", "{}")]
    [InlineData("explain", "row", "notes", "--row", "{\"id\": \"\\ud800\"}")]
    [InlineData("schema", "--lang", "cobol")]
    [InlineData("schema", "--native", "nothing")]
    public async Task Arguments_that_make_no_sense_are_misuse(params string[] args)
    {
        var run = await RunAsync(Rules, [.. args, "--rules", _file]);

        Assert.Equal(ExitCode.Misused, run.ExitCode);
        Assert.Contains("TGB1001", run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }

    [Fact]
    public async Task Rules_with_mistakes_are_refused_before_anything_is_explained()
    {
        var run = await RunAsync("bucket_definitions: 5", "explain", "user", "ann", "--rules", _file);

        Assert.Equal(ExitCode.Failed, run.ExitCode);
        Assert.Contains("TGB1004", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Schema_prints_what_apps_declare()
    {
        var run = await RunAsync(Rules, "schema", "--rules", _file, "--namespace", "My.App");

        Assert.Contains("namespace My.App;", run.Output, StringComparison.Ordinal);
        Assert.Contains("LocalColumn.Text(\"title\")));", run.Output, StringComparison.Ordinal);
        Assert.Empty(run.Error);
    }

    [Theory]
    [InlineData("notes")]
    [InlineData("*")]
    public async Task Schema_makes_those_tables_native_that_it_is_told_to(string native)
    {
        var run = await RunAsync(Rules, "schema", "--rules", _file, "--native", native);

        Assert.Contains("LocalColumn.Text(\"title\")) { Storage = TableStorage.Native });", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Schema_tells_on_standard_error_what_it_cannot_know()
    {
        var run = await RunAsync(Rules.Replace("id, title", "*", StringComparison.Ordinal), "schema", "--rules", _file, "--lang", "json");

        Assert.Equal("notes", Text(Assert.Single(JsonElement.Parse(run.Output).GetProperty("tables").EnumerateArray()), "name"));
        Assert.Contains("note: mine, line 5: the columns of * are not known without the source.", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("not JSON")]
    [InlineData("{\"id\": \"x\"}")]
    [InlineData("{\"id\": \"x\", \"yaml\": 5}")]
    [InlineData("{\"yaml\": \"bucket_definitions: {a: {data: []}}\", \"rows\": [{\"table\": \"t\", \"record\": {\"id\": {\"$nothing\": 1}}}]}")]
    public async Task A_line_that_is_no_conformance_case_is_named_and_the_others_are_answered(string line)
    {
        const string Case = "{\"id\": 1, \"yaml\": \"{}\"}\n";
        using var input = new StringReader($"{Case}\n{line}\n{Case}");
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter();

        var exitCode = await VectorsCommand.RunAsync(input, output, error, TestContext.Current.CancellationToken);

        Assert.Equal(ExitCode.Misused, exitCode);
        Assert.Contains("line 3", error.ToString(), StringComparison.Ordinal);
        Assert.Equal(2, output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Count(answer => answer.Contains("yaml_structure", StringComparison.Ordinal)));
    }

    private static string? Text(JsonElement owner, string name) => owner.GetProperty(name).GetString();

    private async Task<(int ExitCode, string Output, string Error)> RunAsync(string rules, params string[] args)
    {
        await File.WriteAllTextAsync(_file, rules, TestContext.Current.CancellationToken);
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        var exitCode = await CommandLine.Create().Parse(args)
            .InvokeAsync(new InvocationConfiguration { Output = output, Error = error }, TestContext.Current.CancellationToken);
        return (exitCode, output.ToString(), error.ToString());
    }
}
