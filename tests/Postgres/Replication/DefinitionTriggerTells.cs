using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

/// <summary>With the event trigger nobody has to look: the transaction that changes a definition says so.</summary>
public class DefinitionTriggerTells
{
    private const string Setup =
        "CREATE TABLE items (id int PRIMARY KEY, v int); INSERT INTO items VALUES (1, 10); CREATE TABLE other (id int PRIMARY KEY);";

    // Nobody looks into the catalogue by himself.
    private static readonly ChangeSourceOptions Options = Follower.OptionsFor("items", "other") with
    {
        UsesDefinitionTrigger = true,
        PublicationWatchInterval = TimeSpan.FromHours(1),
    };

    [Theory]
    [MemberData(nameof(EveryVersion.Versions), MemberType = typeof(EveryVersion))]
    public async Task What_is_stale_is_marked_with_the_transaction_that_made_it_so(int version)
    {
        await using var database = await PostgresDatabase.CreateAsync(version);
        await database.ExecuteAsync(Setup);
        string? marked = null;
        await using var follower = Follower.Start(database, Options, prepare: one => one.Before = change =>
        {
            if (change is TransactionCommitted committed)
                marked ??= committed.State?.Tables.Single(table => table.Name == "items").Stale?.Reason ?? "nothing";
        });
        await follower.UntilAsync(() => follower.IsFresh);

        await database.ExecuteAsync("BEGIN; ALTER TABLE items ALTER v TYPE int USING v * 2; INSERT INTO other VALUES (1); COMMIT");

        await follower.CatchUpAsync(database, "items", "other");
        Assert.Contains("was rewritten", marked, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Many_changes_one_after_the_other_are_all_noticed()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(Setup);
        await using var follower = Follower.Start(database, Options);
        await follower.UntilAsync(() => follower.IsFresh);

        for (var change = 0; change < 30; change++)
            await database.ExecuteAsync("ALTER TABLE items ALTER v TYPE int USING v + 1");

        await follower.CatchUpAsync(database, "items", "other");
        await follower.UntilAsync(() => follower.IsFresh);
        Assert.Equal(["1|40"], follower.Rows("items").Values);
    }

    [Fact]
    public async Task A_role_that_may_not_make_it_does_without()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        var role = $"{database.Name}_role";
        await database.ExecuteAsync(
            $"{Setup} CREATE ROLE {role} LOGIN REPLICATION; GRANT SELECT ON items, other TO {role}; CREATE PUBLICATION topgun FOR TABLE items, other");
        try
        {
            await using (var follower = Follower.Start(database, Options, role: role))
            {
                await follower.CatchUpAsync(database, "items", "other");
                await database.ExecuteAsync("INSERT INTO other VALUES (1)");
                await follower.CatchUpAsync(database, "items", "other");
            }
            Assert.Equal(0L, await database.ReadAsync<long>("SELECT count(*) FROM pg_event_trigger"));
        }
        finally
        {
            await database.ExecuteAsync($"DROP OWNED BY {role}; DROP ROLE {role}");
        }
    }

    [Fact]
    public async Task The_doctor_has_the_statements_and_they_can_be_run_by_hand()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(Setup);

        var missing = Assert.Single(await ExamineAsync(database), finding => finding.Severity == FindingSeverity.Warning && finding.Sentence.Contains("event trigger", StringComparison.Ordinal));
        await database.ExecuteAsync(missing.Remedy!);
        await database.ExecuteAsync(missing.Remedy!); // again does no harm

        Assert.Contains(await ExamineAsync(database), finding => finding.Severity == FindingSeverity.Ok && finding.Sentence.Contains("'topgun_ddl'", StringComparison.Ordinal));
        await database.ExecuteAsync("CREATE TEMP TABLE scratch (id int); DROP TABLE scratch; ALTER TABLE items ADD w int");
    }

    [Fact]
    public async Task An_application_that_may_not_even_emit_a_message_changes_its_tables_as_before()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        var role = $"{database.Name}_app";
        await database.ExecuteAsync($"{Setup} CREATE ROLE {role}; GRANT CREATE ON SCHEMA public TO {role}; ALTER TABLE items OWNER TO {role}; REVOKE EXECUTE ON FUNCTION pg_logical_emit_message(bool, text, text) FROM PUBLIC");
        await database.ExecuteAsync(DefinitionTrigger.Sql);
        try
        {
            await database.ExecuteAsync($"SET ROLE {role}; ALTER TABLE items ADD w int; ALTER TABLE items ALTER v TYPE bigint; CREATE INDEX ON items (v); RESET ROLE");

            Assert.Equal(2L, await database.ReadAsync<long>("SELECT count(*) FROM pg_index WHERE indrelid = 'items'::regclass"));
            await database.ExecuteAsync(DefinitionTrigger.DropSql);
            Assert.Equal(0L, await database.ReadAsync<long>("SELECT (SELECT count(*) FROM pg_event_trigger) + (SELECT count(*) FROM pg_proc WHERE proname = 'topgun_ddl')"));
        }
        finally
        {
            await database.ExecuteAsync($"DROP OWNED BY {role}; DROP ROLE {role}");
        }
    }

    [Fact]
    public async Task Made_by_a_superuser_it_serves_a_role_with_replication_and_select_and_dropped_it_is_not_missed()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        var role = $"{database.Name}_role";
        await database.ExecuteAsync(
            $"{Setup} CREATE ROLE {role} LOGIN REPLICATION; GRANT SELECT ON items, other TO {role}; CREATE PUBLICATION topgun FOR TABLE items, other; {DefinitionTrigger.Sql}");
        try
        {
            await using (var told = Follower.Start(database, Options, role: role))
            {
                await told.UntilAsync(() => told.IsFresh);
                await database.ExecuteAsync("ALTER TABLE items ALTER v TYPE int USING v + 1");
                await told.CatchUpAsync(database, "items", "other");
                await told.StopAsync();
                await database.ExecuteAsync(DefinitionTrigger.DropSql);
                await using var looking = Follower.Start(
                    database, Options with { PublicationWatchInterval = TimeSpan.FromSeconds(1) }, previous: told, role: role);
                await looking.UntilAsync(() => looking.IsFresh);
                await database.ExecuteAsync("ALTER TABLE items ALTER v TYPE int USING v + 1");
                await looking.CatchUpAsync(database, "items", "other");
                Assert.Equal(["1|12"], looking.Rows("items").Values);
            }
        }
        finally
        {
            await database.ExecuteAsync($"DROP OWNED BY {role}; DROP ROLE {role}");
        }
    }

    private static async Task<IReadOnlyList<DoctorFinding>> ExamineAsync(PostgresDatabase database)
    {
        await using var source = new NpgsqlSource(database.ConnectionString, "topgun");
        return await SourceDoctor.CheckAsync(source, "topgun", [new TablePattern("public", "items")], wantsTrigger: true, TestContext.Current.CancellationToken);
    }
}
