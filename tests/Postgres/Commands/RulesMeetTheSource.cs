using System.CommandLine;
using System.Text.Json;
using TopGun.Buckets.Host;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Commands;

/// <summary>The commands about rules, against a database.</summary>
public sealed class RulesMeetTheSource : IDisposable
{
    private const string Tables = """
        CREATE TABLE lists (id uuid PRIMARY KEY, owner_id text, name text, rank int);
        CREATE TABLE members (list_id uuid, user_id text, left_at timestamptz, PRIMARY KEY (list_id, user_id));
        CREATE TABLE todos (id text PRIMARY KEY, list_id uuid, title text, done bool, weight float8);
        CREATE TABLE nothing_with_id (a int PRIMARY KEY);
        INSERT INTO lists VALUES ('00000000-0000-0000-0000-000000000001', 'ann', 'Home', 1);
        INSERT INTO members VALUES
            ('00000000-0000-0000-0000-000000000001', 'ann', NULL), ('00000000-0000-0000-0000-000000000002', 'ann', '2024-05-01'),
            ('00000000-0000-0000-0000-000000000003', 'bob', NULL);
        INSERT INTO todos VALUES ('t1', '00000000-0000-0000-0000-000000000001', 'Milk', false, 0.5);
        """;

    private const string Rules = """
        bucket_definitions:
          by_list:
            parameters: SELECT list_id FROM members WHERE user_id = request.user_id() AND left_at IS NULL
            data:
              - SELECT * FROM lists WHERE id = bucket.list_id
              - SELECT id, title, done, weight FROM todos WHERE list_id = bucket.list_id AND done = false
        """;

    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public async Task Names_that_the_database_does_not_have_are_warnings()
    {
        await using var database = await DatabaseAsync();
        var rules = Rules
            .Replace("FROM lists", "FROM list", StringComparison.Ordinal)
            .Replace("title, ", "titl, ", StringComparison.Ordinal)
            + "\n  other:\n    data:\n      - SELECT * FROM nothing_with_id\n";

        var run = await RunAsync(rules, "validate", _file, "--schema-from", database.ConnectionString, "--json");

        var findings = JsonElement.Parse(run.Output).GetProperty("findings").EnumerateArray().ToList();
        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal(["table_not_found", "column_not_found", "missing_id"], findings.Select(finding => finding.GetProperty("class").GetString()));
        Assert.Contains("Did you mean 'lists'?", findings[0].GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Contains("Did you mean 'title'?", findings[1].GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rules_that_fit_the_database_have_no_warnings()
    {
        await using var database = await DatabaseAsync();

        var run = await RunAsync(Rules, "validate", _file, "--schema-from", database.ConnectionString);

        Assert.Contains("accepted, 1 definition, 0 warnings.", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_user_is_told_the_rows_that_lead_to_buckets()
    {
        await using var database = await DatabaseAsync();

        var run = await RunAsync(Rules, "explain", "user", "ann", "--rules", _file, "--source", database.ConnectionString);

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Contains("rows of public.members with user_id = request.user_id() and left_at IS NULL", run.Output, StringComparison.Ordinal);
        Assert.Contains("list_id = 00000000-0000-0000-0000-000000000001, user_id = ann gives list_id = \"00000000", run.Output, StringComparison.Ordinal);
        Assert.Contains("The user gets 1 bucket:\n  by_list[\"00000000-0000-0000-0000-000000000001\"]  priority 3\n", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_user_without_rows_is_told_what_was_looked_for()
    {
        await using var database = await DatabaseAsync();

        var run = await RunAsync(Rules, "explain", "user", "eve", "--rules", _file, "--source", database.ConnectionString);

        Assert.Contains("No row of public.members has user_id = \"eve\" and left_at IS NULL.", run.Output, StringComparison.Ordinal);
        Assert.Contains("The user gets no bucket.", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_large_table_is_looked_through_to_its_end()
    {
        await using var database = await DatabaseAsync();
        await database.ExecuteAsync("INSERT INTO members SELECT gen_random_uuid(), 'many ' || n, NULL FROM generate_series(1, 25000) n");

        var run = await RunAsync(Rules, "explain", "user", "many 24999", "--rules", _file, "--source", database.ConnectionString);

        Assert.Contains("The user gets 1 bucket:", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_row_is_found_by_its_key_and_read_with_its_types()
    {
        await using var database = await DatabaseAsync();

        var todo = await RunAsync(Rules, "explain", "row", "todos", "t1", "--rules", _file, "--source", database.ConnectionString);
        var member = await RunAsync(
            Rules, "explain", "row", "public.members", "00000000-0000-0000-0000-000000000002", "ann", "--rules", _file, "--source", database.ConnectionString);

        Assert.Contains("done = false  is  1", todo.Output, StringComparison.Ordinal);
        Assert.Contains("{\"id\":\"t1\",\"title\":\"Milk\",\"done\":0,\"weight\":0.5}", todo.Output, StringComparison.Ordinal);
        Assert.Contains("left_at IS NULL  is  0", member.Output, StringComparison.Ordinal);
        Assert.Contains("not looked up by anybody: left_at IS NULL is 0.", member.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ann", "The user gets it through by_list[\"00000000-0000-0000-0000-000000000001\"]\n")]
    [InlineData("bob", "The user does not get it: of by_list they have by_list[\"00000000-0000-0000-0000-000000000003\"].\n")]
    [InlineData("eve", "of by_list they have no bucket. No row of public.members has user_id = \"eve\" and left_at IS NULL.\n")]
    public async Task Whether_a_user_gets_a_row_is_told_with_the_reason(string user, string end)
    {
        await using var database = await DatabaseAsync();

        var run = await RunAsync(Rules, "explain", "row", "todos", "t1", "--user", user, "--rules", _file, "--source", database.ConnectionString);

        Assert.EndsWith(end, run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("todos", "t2", "has no row with the key 't2'")]
    [InlineData("tados", "t1", "The source has no table 'public.tados'")]
    [InlineData("members", "t1", "The key of 'public.members' is list_id, user_id.")]
    public async Task A_row_that_is_not_there_is_said_so(string table, string key, string sentence)
    {
        await using var database = await DatabaseAsync();

        var run = await RunAsync(Rules, "explain", "row", table, key, "--rules", _file, "--source", database.ConnectionString);

        Assert.Equal(ExitCode.Failed, run.ExitCode);
        Assert.Contains("TGB1006", run.Error, StringComparison.Ordinal);
        Assert.Contains(sentence, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_schema_has_the_columns_and_types_of_the_source()
    {
        await using var database = await DatabaseAsync();

        var run = await RunAsync(Rules, "schema", "--lang", "json", "--rules", _file, "--source", database.ConnectionString);

        Assert.Equal(
            """{"tables":[{"name":"lists","columns":[{"name":"owner_id","type":"TEXT"},{"name":"name","type":"TEXT"},{"name":"rank","type":"INTEGER"}]},{"name":"todos","columns":[{"name":"title","type":"TEXT"},{"name":"done","type":"INTEGER"},{"name":"weight","type":"REAL"}]}]}""",
            JsonSerializer.Serialize(JsonElement.Parse(run.Output)));
        Assert.Empty(run.Error);
    }

    [Fact]
    public async Task A_wildcard_in_the_schema_finds_the_tables_of_every_tenant_and_none_of_the_system()
    {
        await using var database = await DatabaseAsync();
        await database.ExecuteAsync(
            "CREATE SCHEMA cust_a CREATE TABLE invoices (id int PRIMARY KEY); CREATE SCHEMA cust_b CREATE TABLE invoices (id int PRIMARY KEY)");
        await using var source = new NpgsqlSource(database.ConnectionString, "topgun");
        await using var session = await source.OpenSessionAsync(TestContext.Current.CancellationToken);

        var invoices = await session.FindTablesAsync([new TablePattern("cust_%", "invoices")], TestContext.Current.CancellationToken);
        var all = await SourceSchema.ReadAsync(source, TestContext.Current.CancellationToken);

        Assert.Equal(["cust_a", "cust_b"], invoices.Select(info => info.Table.Schema));
        Assert.Equal(["cust_a", "cust_b", "public"], all.Select(table => table.Schema).Distinct());
    }

    private static async Task<PostgresDatabase> DatabaseAsync()
    {
        var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(Tables);
        return database;
    }

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
