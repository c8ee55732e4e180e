using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

/// <summary>Settings, rights and limits of a server that others look after.</summary>
public class SourceIsHostile
{
    [Fact]
    public async Task A_dead_synchronous_standby_holds_back_neither_the_snapshot_nor_write_checkpoints()
    {
        await using var cluster = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Settings = new Dictionary<string, string> { ["synchronous_standby_names"] = "dead", ["wal_writer_delay"] = "10s" } },
            TestContext.Current.CancellationToken);
        // What the application commits does not wait for its standby here, or this test would.
        await using (var server = Npgsql.NpgsqlDataSource.Create(cluster.ConnectionString() + ";Pooling=false;Options=-c synchronous_commit=off"))
        await using (var setting = server.CreateCommand("ALTER ROLE postgres SET synchronous_commit = off"))
            await setting.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync($"CREATE TABLE lists (id int PRIMARY KEY); ALTER DATABASE {database.Name} SET synchronous_commit = remote_apply");
        await database.ExecuteAsync($"ALTER ROLE postgres IN DATABASE {database.Name} SET synchronous_commit = off; CREATE ROLE app SUPERUSER LOGIN");
        await using var follower = Follower.Start(database, Follower.OptionsFor("lists"), role: "app");
        await follower.CatchUpAsync(database, "lists");
        await using var checkpoints = new WriteCheckpoints(
            follower.Source, follower.Monitor, TimeProvider.System, NullLogger<WriteCheckpoints>.Instance);

        for (var id = 1; id <= 3; id++)
        {
            // Neither on disk nor with the standby, and yet committed as far as the application was told.
            await database.ExecuteAsync($"INSERT INTO lists VALUES ({id})");
            var checkpoint = await checkpoints.RequestAsync("ann", requestedId: null, TestContext.Current.CancellationToken);
            await follower.UntilAsync(() => follower.Markers.Contains(new WriteCheckpointMarker("ann", checkpoint)));
            Assert.Equal(id, follower.Rows("lists").Count);
        }
    }

    [Fact]
    public async Task A_transaction_prepared_for_two_phases_arrives_when_it_is_committed_and_never_when_it_is_not()
    {
        await using var cluster = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Settings = new Dictionary<string, string> { ["max_prepared_transactions"] = "5" } }, TestContext.Current.CancellationToken);
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        await database.ExecuteAsync("BEGIN; INSERT INTO lists VALUES (1); PREPARE TRANSACTION 'early'");
        await using var follower = Follower.Start(
            database, Follower.OptionsFor("lists") with { SlotCreationTimeout = TimeSpan.FromMilliseconds(500) });
        await follower.UntilAsync(() => follower.Monitor.Current.Failure?.Code == "TGB1111");
        Assert.Contains("ROLLBACK PREPARED 'early';", follower.Monitor.Current.Failure!.Message, StringComparison.Ordinal);
        await database.ExecuteAsync("COMMIT PREPARED 'early'");
        await follower.CatchUpAsync(database, "lists");

        await database.ExecuteAsync("BEGIN; INSERT INTO lists VALUES (2); SAVEPOINT a; INSERT INTO lists VALUES (3); ROLLBACK TO a; PREPARE TRANSACTION 'kept'");
        await database.ExecuteAsync("BEGIN; INSERT INTO lists VALUES (4); PREPARE TRANSACTION 'undone'");
        await database.ExecuteAsync("INSERT INTO lists VALUES (5)");
        await follower.CatchUpAsync(database, "lists");
        await database.ExecuteAsync("ROLLBACK PREPARED 'undone'");
        await database.ExecuteAsync("COMMIT PREPARED 'kept'");

        await follower.CatchUpAsync(database, "lists");
        Assert.Equal(["insert lists (5)", "insert lists (2)"], follower.Log.Where(line => line.StartsWith("insert", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_search_path_with_functions_and_operators_of_an_attacker_is_not_followed()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            $"""
             CREATE TABLE lists (id int PRIMARY KEY, name text); INSERT INTO lists VALUES (1, 'a');
             CREATE SCHEMA evil;
             CREATE FUNCTION evil.caught() RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''caught''; END';
             CREATE FUNCTION evil.pg_current_wal_insert_lsn() RETURNS text LANGUAGE sql AS 'SELECT evil.caught()';
             CREATE FUNCTION evil.pg_is_in_recovery() RETURNS text LANGUAGE sql AS 'SELECT evil.caught()';
             CREATE FUNCTION evil.pg_has_role(oid, text) RETURNS text LANGUAGE sql AS 'SELECT evil.caught()';
             CREATE FUNCTION evil.starts_with(text, text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''caught''; END';
             CREATE FUNCTION evil.same(name, text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''caught''; END';
             CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = text, FUNCTION = evil.same);
             CREATE VIEW evil.pg_publication AS SELECT evil.caught() AS pubname; CREATE VIEW evil.pg_class AS SELECT evil.caught() AS relname;
             CREATE VIEW evil.pg_replication_slots AS SELECT evil.caught() AS slot_name;
             ALTER DATABASE {database.Name} SET search_path = evil, pg_catalog, public; ALTER ROLE postgres IN DATABASE {database.Name} SET search_path = evil, pg_catalog, public;
             """);
        await using var follower = Follower.Start(database, "list%");
        await follower.UntilAsync(() => follower.IsVisible);

        await database.ExecuteAsync("INSERT INTO public.lists VALUES (2, 'b')");

        await follower.UntilAsync(() => follower.Rows("lists").Count == 2);
    }

    [Fact]
    public async Task A_server_without_a_connection_to_spare_is_tried_again()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        var role = $"{database.Name}_poor";
        await database.ExecuteAsync(
            $"CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1); CREATE PUBLICATION topgun FOR TABLE lists;"
            + $"CREATE ROLE {role} LOGIN REPLICATION CONNECTION LIMIT 0; GRANT SELECT ON lists TO {role}");
        try
        {
            await using (var follower = Follower.Start(database, Follower.OptionsFor("lists"), role: role))
            {
                await follower.UntilAsync(() => follower.Monitor.Current.Failure?.Code == "TGB1101");
                Assert.Contains("too many connections", follower.Monitor.Current.Failure!.Message, StringComparison.Ordinal);
                await database.ExecuteAsync($"ALTER ROLE {role} CONNECTION LIMIT 3");

                await follower.CatchUpAsync(database, "lists");
            }
        }
        finally
        {
            await database.ExecuteAsync($"DROP OWNED BY {role}; DROP ROLE {role}");
        }
    }

    [Fact]
    public async Task A_server_without_a_walsender_to_spare_is_tried_again_and_keeps_no_connection_of_an_attempt()
    {
        await using var cluster = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Settings = new Dictionary<string, string> { ["max_wal_senders"] = "1" } }, TestContext.Current.CancellationToken);
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await using var neighbour = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1)");
        await neighbour.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1)");
        var first = Follower.Start(database, "lists");
        await first.CatchUpAsync(database, "lists");
        await first.StopAsync();
        var other = Follower.Start(neighbour, "lists");
        await other.CatchUpAsync(neighbour, "lists");

        await using var second = first.Resume(database);
        await second.UntilAsync(() => second.Monitor.Current.Failure is not null);
        Assert.Equal("TGB1101", second.Monitor.Current.Failure!.Code);
        await second.UntilAsync(() =>
            database.ReadAsync<long>("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").Result == 0);
        await database.ExecuteAsync("INSERT INTO lists VALUES (2)");
        await other.StopAsync();

        await second.CatchUpAsync(database, "lists");
        Assert.Equal(1, second.State!.Epoch);
    }

    [Theory]
    [InlineData("REVOKE SELECT ON lists FROM {role}", "may not read table 'public.lists'")]
    [InlineData("ALTER TABLE lists ENABLE ROW LEVEL SECURITY", "Row security on table 'public.lists'")]
    [InlineData("ALTER TABLE lists DROP CONSTRAINT lists_pkey", "it has no primary key")]
    [InlineData("ALTER TABLE lists REPLICA IDENTITY NOTHING", "its replica identity is NOTHING")]
    [InlineData("ALTER ROLE {role} NOREPLICATION", "may not replicate")]
    public async Task A_right_or_key_that_is_taken_away_is_told_and_the_rows_are_kept(string change, string sentence)
    {
        await using var database = await PostgresDatabase.CreateAsync();
        var role = $"{database.Name}_role";
        await database.ExecuteAsync(
            $"CREATE TABLE lists (id int PRIMARY KEY); CREATE ROLE {role} LOGIN REPLICATION; GRANT SELECT ON lists TO {role};"
            + "INSERT INTO lists VALUES (1); CREATE PUBLICATION topgun FOR TABLE lists");
        try
        {
            await using (var follower = Follower.Start(database, Follower.OptionsFor("lists"), role: role))
            {
                await follower.CatchUpAsync(database, "lists");

                await database.ExecuteAsync(change.Replace("{role}", role, StringComparison.Ordinal));
                await database.ExecuteAsync($"SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '{follower.State!.Slot}'");

                await follower.UntilAsync(() =>
                    $"{follower.Monitor.Current.Failure?.Message} {follower.Monitor.Current.State!.Tables[0].Stale?.Reason}".Contains(sentence, StringComparison.Ordinal));
                Assert.Null(follower.Failure); // what is there goes on being served
                Assert.Single(follower.Rows("lists"));
            }
        }
        finally
        {
            await database.ExecuteAsync($"DROP OWNED BY {role}; DROP ROLE {role}");
        }
    }
}
