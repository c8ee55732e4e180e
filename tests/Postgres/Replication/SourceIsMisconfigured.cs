using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

public class SourceIsMisconfigured
{
    [Fact]
    public async Task Wal_level_replica_is_refused_with_the_remedy()
    {
        await using var cluster = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Settings = new Dictionary<string, string> { ["wal_level"] = "replica" } }, TestContext.Current.CancellationToken);
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");

        await RefusesAsync(database, "TGB1105", "ALTER SYSTEM SET wal_level = logical");
    }

    [Theory]
    [InlineData("", "TGB1112", "Table 'public.lists' does not exist")]
    [InlineData("CREATE TABLE lists (id int)", "TGB1112", "it has no primary key")]
    [InlineData("CREATE TABLE lists (id int PRIMARY KEY DEFERRABLE)", "TGB1112", "deferrable")]
    [InlineData("CREATE TABLE lists (id int PRIMARY KEY); ALTER TABLE lists REPLICA IDENTITY NOTHING", "TGB1112", "NOTHING")]
    [InlineData("CREATE UNLOGGED TABLE lists (id int PRIMARY KEY)", "TGB1112", "unlogged")]
    [InlineData("CREATE VIEW lists AS SELECT 1 AS id", "TGB1112", "does not exist")]
    [InlineData("CREATE TABLE lists (id int PRIMARY KEY); CREATE PUBLICATION topgun FOR TABLE lists WITH (publish = 'insert')", "TGB1105", "does not publish update, delete, truncate")]
    public async Task A_table_or_publication_that_would_lose_changes_is_refused(string setUp, string code, string sentence)
    {
        await using var database = await PostgresDatabase.CreateAsync();
        if (setUp.Length > 0)
            await database.ExecuteAsync(setUp);

        await RefusesAsync(database, code, sentence);

        Assert.Equal(0L, await database.ReadAsync<long>($"SELECT count(*) FROM pg_replication_slots WHERE database = '{database.Name}'"));
        Assert.Equal(
            setUp.Contains("PUBLICATION", StringComparison.Ordinal) ? 1L : 0L,
            await database.ReadAsync<long>("SELECT count(*) FROM pg_publication_tables"));
    }

    [Fact]
    public async Task A_role_may_need_its_administrator()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            $"CREATE TABLE lists (id int PRIMARY KEY); CREATE ROLE {database.Name}_role LOGIN; INSERT INTO lists VALUES (1)");
        var user = database.ConnectionString.Replace("Username=postgres", $"Username={database.Name}_role", StringComparison.Ordinal);
        try
        {
            await using (var source = new NpgsqlSource(user, "topgun"))
            {
                await AssertErrorAsync(source, "may not replicate");
                await database.ExecuteAsync($"ALTER ROLE {database.Name}_role REPLICATION");
                await AssertErrorAsync(source, "may not read table 'public.lists'");
                await database.ExecuteAsync($"GRANT SELECT ON lists TO {database.Name}_role");
                await AssertErrorAsync(source, "Publication 'topgun' does not exist, and the role may not create it");
                await using (var session = await source.OpenSessionAsync(TestContext.Current.CancellationToken))
                {
                    var failure = await Assert.ThrowsAsync<BucketsException>(async () => await session.EnsurePublicationAsync(
                        "topgun", [new TablePattern("public", "lists")], cancellationToken: TestContext.Current.CancellationToken));
                    Assert.Equal("TGB1106", failure.Code);
                    Assert.Contains("CREATE PUBLICATION \"topgun\" FOR TABLE \"public\".\"lists\"", failure.Message, StringComparison.Ordinal);
                }
                await database.ExecuteAsync("CREATE PUBLICATION topgun FOR TABLE lists");
                Assert.DoesNotContain(await CheckAsync(source), finding => finding.Severity == FindingSeverity.Error);
                await database.ExecuteAsync("ALTER TABLE lists ENABLE ROW LEVEL SECURITY");
                await AssertErrorAsync(source, "Row security on table 'public.lists'");
            }
        }
        finally
        {
            await database.ExecuteAsync($"DROP OWNED BY {database.Name}_role; DROP ROLE {database.Name}_role");
        }
    }

    [Fact]
    public async Task Rows_that_row_security_would_hide_are_not_taken_for_missing()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            $"CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1); CREATE ROLE {database.Name}_role LOGIN; GRANT SELECT ON lists TO {database.Name}_role");
        var user = database.ConnectionString.Replace("Username=postgres", $"Username={database.Name}_role", StringComparison.Ordinal);
        try
        {
            await using var source = new NpgsqlSource(user, "topgun");
            await using var session = await source.OpenSessionAsync(TestContext.Current.CancellationToken);
            var table = Assert.Single(await session.FindTablesAsync([new TablePattern("public", "lists")], TestContext.Current.CancellationToken));
            var rows = new RowBuffer();

            // Between the look at the table and the reading of it.
            await database.ExecuteAsync("ALTER TABLE lists ENABLE ROW LEVEL SECURITY");
            foreach (var read in new[] { ReadAsync, ReadByKeyAsync })
            {
                var failure = await Assert.ThrowsAsync<BucketsException>(read);
                Assert.Equal("TGB1103", failure.Code);
                Assert.Contains("row-level security", failure.Message, StringComparison.Ordinal);
            }
            await database.ExecuteAsync("ALTER TABLE lists DISABLE ROW LEVEL SECURITY");
            await ReadAsync();
            Assert.Equal(1, rows.RowCount);

            async Task ReadAsync() => await session.ReadRowsAsync(table, afterKey: null, limit: 10, rows, TestContext.Current.CancellationToken);
            async Task ReadByKeyAsync() => await session.ReadRowsByKeyAsync(table, [["1"]], rows, TestContext.Current.CancellationToken);
        }
        finally
        {
            await database.ExecuteAsync($"DROP OWNED BY {database.Name}_role; DROP ROLE {database.Name}_role");
        }
    }

    [Fact]
    public async Task A_role_with_replication_and_select_is_enough_to_follow()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            $"CREATE TABLE lists (id int PRIMARY KEY); CREATE ROLE {database.Name}_role LOGIN REPLICATION; GRANT SELECT ON lists TO {database.Name}_role;"
            + "INSERT INTO lists VALUES (1); CREATE PUBLICATION topgun FOR TABLE lists");
        try
        {
            await using (var follower = Follower.Start(database, Follower.OptionsFor("lists"), role: $"{database.Name}_role"))
            {
                await follower.CatchUpAsync(database, "lists");
                await database.ExecuteAsync("INSERT INTO lists VALUES (2)");
                await follower.CatchUpAsync(database, "lists");
            }
        }
        finally
        {
            await database.ExecuteAsync($"DROP OWNED BY {database.Name}_role; DROP ROLE {database.Name}_role");
        }
    }

    [Fact]
    public async Task A_role_that_does_not_exist_is_refused_at_once()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await using var source = new NpgsqlSource(
            database.ConnectionString.Replace("Username=postgres", "Username=nobody_here", StringComparison.Ordinal), "topgun");

        var finding = Assert.Single(await CheckAsync(source));

        Assert.Equal("TGB1103", finding.Code);
        Assert.Contains("nobody_here", finding.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_is_a_finding()
    {
        await using var source = new NpgsqlSource("host=127.0.0.1 port=1 user=u dbname=d connect_timeout=2", "topgun");

        var finding = Assert.Single(await CheckAsync(source));

        Assert.Equal("TGB1101", finding.Code);
    }

    private static async Task RefusesAsync(PostgresDatabase database, string code, string sentence)
    {
        await using var follower = Follower.Start(database, "lists");
        await follower.UntilFailureAsync();
        var failure = Assert.IsType<BucketsException>(follower.Failure);
        Assert.Equal(code, failure.Code);
        Assert.Contains(sentence, failure.Message, StringComparison.Ordinal);
        var doctor = Assert.Single(await CheckAsync(follower.Source), finding => finding.Severity == FindingSeverity.Error && finding.Code == code);
        Assert.Contains(sentence, $"{doctor.Sentence} {doctor.Remedy}", StringComparison.Ordinal);
    }

    private static async Task AssertErrorAsync(ISource source, string sentence) =>
        Assert.Contains(
            await CheckAsync(source),
            finding => finding.Severity == FindingSeverity.Error && finding.Sentence.Contains(sentence, StringComparison.Ordinal));

    private static Task<IReadOnlyList<DoctorFinding>> CheckAsync(ISource source) =>
        SourceDoctor.CheckAsync(source, "topgun", [new TablePattern("public", "lists")], cancellationToken: TestContext.Current.CancellationToken);
}
