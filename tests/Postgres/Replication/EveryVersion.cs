using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

/// <summary>What depends on the server's version, on each version that is supported.</summary>
public class EveryVersion
{
    public static TheoryData<int> Versions => [14, 15, 16, 17, 18];

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Rows_are_read_and_every_kind_of_change_is_followed(int version)
    {
        await using var database = await PostgresDatabase.CreateAsync(version);
        await database.ExecuteAsync(
            "CREATE TABLE lists (id int PRIMARY KEY, name text, big text); ALTER TABLE lists ALTER big SET STORAGE EXTERNAL;"
            + "INSERT INTO lists SELECT i, 'n' || i, repeat(md5(i::text), 200) FROM generate_series(1, 500) i;"
            + "CREATE TABLE keyless (v int); ALTER TABLE keyless REPLICA IDENTITY FULL; INSERT INTO keyless VALUES (1)");
        await using var follower = Follower.Start(database, "lists", "keyless");
        await follower.CatchUpAsync(database, "lists", "keyless");

        await database.ExecuteAsync(
            """
            INSERT INTO lists VALUES (1001, 'new', 'small');
            UPDATE lists SET name = 'unchanged large value' WHERE id = 2;
            UPDATE lists SET id = 2003 WHERE id = 3;
            BEGIN; UPDATE lists SET id = -4 WHERE id = 4; UPDATE lists SET id = 4 WHERE id = 5; UPDATE lists SET id = 5 WHERE id = -4; COMMIT;
            DELETE FROM lists WHERE id = 6;
            UPDATE keyless SET v = 2;
            """);
        await follower.CatchUpAsync(database, "lists", "keyless");
        await database.ExecuteAsync("TRUNCATE lists; INSERT INTO lists VALUES (1, 'after', NULL)");

        await follower.CatchUpAsync(database, "lists", "keyless");
        Assert.Equal(1, follower.State!.Epoch);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Following_goes_on_after_a_restart_and_write_checkpoints_return(int version)
    {
        await using var database = await PostgresDatabase.CreateAsync(version);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1)");
        var first = Follower.Start(database, "lists");
        await first.CatchUpAsync(database, "lists");
        await first.StopAsync();
        await database.ExecuteAsync("INSERT INTO lists VALUES (2)");

        await using var second = first.Resume(database);
        await second.CatchUpAsync(database, "lists");
        await using var checkpoints = new WriteCheckpoints(
            second.Source, second.Monitor, TimeProvider.System, NullLogger<WriteCheckpoints>.Instance);
        await database.ExecuteAsync("SET synchronous_commit = off; INSERT INTO lists VALUES (3)");
        var checkpoint = await checkpoints.RequestAsync("ann", requestedId: null, TestContext.Current.CancellationToken);

        await second.UntilAsync(() => second.Markers.Contains(new WriteCheckpointMarker("ann", checkpoint)));
        Assert.Equal(3, second.Rows("lists").Count);
        Assert.Equal(1, second.State!.Epoch);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Rows_that_change_without_events_are_noticed(int version)
    {
        await using var database = await PostgresDatabase.CreateAsync(version);
        await database.ExecuteAsync(
            """
            CREATE TYPE mood AS ENUM ('sad');
            CREATE TABLE rewritten (id int PRIMARY KEY, v int); INSERT INTO rewritten VALUES (1, 10);
            CREATE TABLE labelled (id int PRIMARY KEY, v mood); INSERT INTO labelled VALUES (1, 'sad');
            CREATE TABLE event (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (0) TO (10);
            INSERT INTO event VALUES (1);
            """);
        var first = Follower.Start(database, "rewritten", "labelled", "event_%");
        await first.CatchUpAsync(database, "rewritten", "labelled", "event_1");
        await first.StopAsync();
        await database.ExecuteAsync(
            """
            ALTER TABLE rewritten ALTER v TYPE int USING v * 2;
            ALTER TYPE mood RENAME VALUE 'sad' TO 'glum';
            CREATE TABLE event_2 (id int PRIMARY KEY); INSERT INTO event_2 VALUES (11);
            ALTER TABLE event ATTACH PARTITION event_2 FOR VALUES FROM (10) TO (20);
            """);

        await using var second = first.Resume(database);

        await second.CatchUpAsync(database, "rewritten", "labelled", "event_1", "event_2");
        await database.ExecuteAsync("INSERT INTO event VALUES (12); UPDATE rewritten SET v = 3");
        await second.CatchUpAsync(database, "rewritten", "event_2");
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_table_that_is_unlogged_for_a_while_is_told_of_and_read_when_it_is_logged_again(int version)
    {
        await using var database = await PostgresDatabase.CreateAsync(version);
        await database.ExecuteAsync(
            "CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1); CREATE TABLE named (id int PRIMARY KEY);"
            + "CREATE PUBLICATION other FOR TABLE named; CREATE PUBLICATION topgun FOR ALL TABLES");
        // Where the publication names the table the server does not let it happen.
        await Assert.ThrowsAsync<Npgsql.PostgresException>(() => database.ExecuteAsync("ALTER TABLE named SET UNLOGGED"));
        var first = Follower.Start(database, Follower.OptionsFor("lists") with { PublicationWatchInterval = TimeSpan.FromSeconds(1) });
        await first.CatchUpAsync(database, "lists");

        await database.ExecuteAsync("ALTER TABLE lists SET UNLOGGED; INSERT INTO lists VALUES (2)");
        await first.UntilAsync(() => first.Monitor.Current.State!.Tables[0].Stale?.Reason.Contains("it is unlogged", StringComparison.Ordinal) == true);
        Assert.Equal(["1"], first.Rows("lists").Keys);
        await database.ExecuteAsync("ALTER TABLE lists SET LOGGED");
        await first.CatchUpAsync(database, "lists");
        await first.StopAsync();
        await database.ExecuteAsync("ALTER TABLE lists SET UNLOGGED; INSERT INTO lists VALUES (3); ALTER TABLE lists SET LOGGED");

        await using var second = first.Resume(database);

        await second.CatchUpAsync(database, "lists");
        await database.ExecuteAsync("DELETE FROM lists WHERE id < 3");
        await second.CatchUpAsync(database, "lists");
        Assert.Equal(1, second.State!.Epoch);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task Partitions_come_under_their_own_names_or_their_roots_as_the_publication_says_and_change_over_in_one_step(int version)
    {
        await using var database = await PostgresDatabase.CreateAsync(version);
        await database.ExecuteAsync(
            "CREATE TABLE event (id int PRIMARY KEY, v int) PARTITION BY RANGE (id); CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (0) TO (10);"
            + "CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM (10) TO (20); INSERT INTO event VALUES (1, 10), (11, 20);"
            + "CREATE PUBLICATION topgun FOR TABLE event");
        var torn = false;
        var first = Follower.Start(
            database,
            Follower.OptionsFor("event%") with { PublicationWatchInterval = TimeSpan.FromSeconds(1) },
            prepare: one => one.Before = _ => torn |= one.State?.SnapshotDone == true && one.IsVisible
                && one.Rows("event").ContainsKey("1") == one.Rows("event_1").ContainsKey("1"));
        await first.CatchUpAsync(database, "event_1", "event_2");
        Assert.Empty(first.Rows("event"));

        await database.ExecuteAsync("ALTER PUBLICATION topgun SET (publish_via_partition_root = true); UPDATE event SET v = v + 1");
        await first.CatchUpAsync(database, "event");
        Assert.Empty(first.Rows("event_1"));
        Assert.Empty(first.Rows("event_2"));
        await database.ExecuteAsync("UPDATE event SET id = 12 WHERE id = 11; ALTER PUBLICATION topgun SET (publish_via_partition_root = false); INSERT INTO event VALUES (2, 30)");
        await first.CatchUpAsync(database, "event_1", "event_2");
        Assert.Empty(first.Rows("event"));
        Assert.False(torn);
        await first.StopAsync();

        await database.ExecuteAsync("ALTER PUBLICATION topgun SET (publish_via_partition_root = true); DELETE FROM event WHERE id = 2");
        await using var second = first.Resume(database);

        await second.CatchUpAsync(database, "event");
        Assert.Empty(second.Rows("event_1"));
        Assert.Empty(second.Rows("event_2"));
        await database.ExecuteAsync("INSERT INTO event VALUES (3, 40)");
        await second.CatchUpAsync(database, "event");
        Assert.Equal(1, second.State!.Epoch);
    }

    [Fact]
    public async Task A_partition_whose_rows_come_under_its_roots_name_is_told_of_and_its_rows_stay()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            "CREATE TABLE event (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE low PARTITION OF event FOR VALUES FROM (0) TO (10);"
            + "INSERT INTO event VALUES (1); CREATE PUBLICATION topgun FOR TABLE event");
        var first = Follower.Start(database, Follower.OptionsFor("low") with { PublicationWatchInterval = TimeSpan.FromSeconds(1) });
        await first.CatchUpAsync(database, "low");

        await database.ExecuteAsync("ALTER PUBLICATION topgun SET (publish_via_partition_root = true); INSERT INTO event VALUES (2)");
        await first.UntilAsync(() => first.Monitor.Current.State!.Tables[0].Stale?.Reason.Contains("under the name of 'public.event'", StringComparison.Ordinal) == true);
        await first.StopAsync();
        await using var second = first.Resume(database); // and once more
        await second.UntilAsync(() => second.Monitor.Current.Phase == ReplicationPhase.Streaming);
        Assert.Equal(["1"], second.Rows("low").Keys);

        await database.ExecuteAsync("ALTER PUBLICATION topgun SET (publish_via_partition_root = false)");
        await second.CatchUpAsync(database, "low");
        Assert.Equal(1, second.State!.Epoch);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_lost_slot_is_replaced(int version)
    {
        await using var database = await PostgresDatabase.CreateAsync(version);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1)");
        var first = Follower.Start(database, "lists");
        await first.CatchUpAsync(database, "lists");
        await first.StopAsync();
        await database.ExecuteAsync($"SELECT pg_drop_replication_slot('{first.State!.Slot}'); INSERT INTO lists VALUES (2)");

        await using var second = first.Resume(database);

        await second.UntilAsync(() => second.State!.Epoch == 2);
        await second.CatchUpAsync(database, "lists");
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task The_doctor_finds_nothing_in_the_way(int version)
    {
        await using var database = await PostgresDatabase.CreateAsync(version);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        await using var source = new NpgsqlSource(database.ConnectionString, "topgun");

        var findings = await SourceDoctor.CheckAsync(
            source, "topgun", [new TablePattern("public", "lists")], cancellationToken: TestContext.Current.CancellationToken);

        Assert.DoesNotContain(findings, finding => finding.Severity == FindingSeverity.Error);
        Assert.Contains(findings, finding => finding.Sentence.Contains("Table 'public.lists' can be replicated", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_row_filter_and_a_column_list_hold_for_snapshot_and_stream_where_there_are_any(int version)
    {
        await using var database = await PostgresDatabase.CreateAsync(version);
        var (publication, expected) = version >= 15
            ? ("lists (id, a) WHERE (id > 1)", new[] { "2|20", "3|30" })
            : ("lists", ["1|10|x", "2|20|x", "3|30|x"]);
        await database.ExecuteAsync(
            "CREATE TABLE lists (id int PRIMARY KEY, a int, b text DEFAULT 'x'); INSERT INTO lists VALUES (1, 10), (2, 20);"
            + $"CREATE PUBLICATION topgun FOR TABLE {publication}");
        await using var follower = Follower.Start(database, "lists");
        await follower.UntilAsync(() => follower.IsVisible);

        await database.ExecuteAsync("INSERT INTO lists VALUES (3, 30)");

        await follower.UntilAsync(() => follower.Rows("lists").ContainsKey("3"));
        Assert.Equal(expected, follower.Rows("lists").Values);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_stored_generated_column_is_in_neither_the_snapshot_nor_the_stream(int version)
    {
        await using var database = await PostgresDatabase.CreateAsync(version);
        await database.ExecuteAsync(
            "CREATE TABLE lists (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED, a int); INSERT INTO lists (id, a) VALUES (1, 10)");
        await using var follower = Follower.Start(database, "lists");
        await follower.UntilAsync(() => follower.IsVisible);

        await database.ExecuteAsync("INSERT INTO lists (id, a) VALUES (2, 20); UPDATE lists SET a = 11 WHERE id = 1");

        await follower.UntilAsync(() => follower.Rows("lists").GetValueOrDefault("1") == "1|11");
        Assert.Equal(["1|11", "2|20"], follower.Rows("lists").Values);
    }

    [Fact]
    public async Task Generated_columns_that_a_publication_of_18_includes_are_in_both_and_virtual_ones_in_neither()
    {
        await using var database = await PostgresDatabase.CreateAsync(version: 18);
        await database.ExecuteAsync(
            """
            CREATE TABLE lists (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED, shown int GENERATED ALWAYS AS (id * 3) VIRTUAL, a int);
            INSERT INTO lists (id, a) VALUES (1, 10);
            CREATE PUBLICATION topgun FOR TABLE lists WITH (publish_generated_columns = stored);
            """);
        await using var follower = Follower.Start(database, "lists");
        await follower.UntilAsync(() => follower.IsVisible);

        await database.ExecuteAsync("INSERT INTO lists (id, a) VALUES (2, 20)");

        await follower.UntilAsync(() => follower.Rows("lists").Count == 2);
        Assert.Equal(["1|2|10", "2|4|20"], follower.Rows("lists").Values);
        Assert.Equal(1, follower.State!.Epoch);

        await follower.StopAsync();
        await database.ExecuteAsync("ALTER TABLE lists ALTER twice SET EXPRESSION AS (id * 4)");
        await using var second = follower.Resume(database);

        await second.UntilAsync(() => second.IsVisible && second.Rows("lists").GetValueOrDefault("2") == "2|8|20");
    }
}
