using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

public class DefinitionsChange
{
    [Fact]
    public async Task Rows_have_the_columns_their_table_had_when_they_were_written()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY, a text)");
        await using var follower = Follower.Start(database, "lists");
        await follower.CatchUpAsync(database, "lists");

        await database.ExecuteAsync(
            "BEGIN; INSERT INTO lists VALUES (1, 'a'); ALTER TABLE lists ADD b int; INSERT INTO lists VALUES (2, 'a', 7);"
            + "ALTER TABLE lists DROP a; INSERT INTO lists VALUES (3, 8); COMMIT; INSERT INTO lists VALUES (4, 9)");

        await follower.UntilAsync(() => follower.Rows("lists").Count == 4);
        Assert.Equal(["1|a", "2|a|7", "3|8", "4|9"], follower.Rows("lists").Values);
        Assert.Equal(1, follower.State!.Epoch);
    }

    [Fact]
    public async Task A_table_that_comes_to_match_is_read_and_followed()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE event_a (id int PRIMARY KEY); INSERT INTO event_a VALUES (1); CREATE PUBLICATION topgun FOR ALL TABLES");
        await using var follower = Follower.Start(database, "event_%");
        await follower.CatchUpAsync(database, "event_a");

        await database.ExecuteAsync("CREATE TABLE event_b (id int PRIMARY KEY); INSERT INTO event_b VALUES (1), (2)");
        await database.ExecuteAsync("INSERT INTO event_a VALUES (2); INSERT INTO event_b VALUES (3)");

        await follower.UntilAsync(() => follower.Rows("event_b").Count == 3);
        await follower.CatchUpAsync(database, "event_a", "event_b");
        Assert.Equal(1, follower.State!.Epoch);
        Assert.Equal(["event_a", "event_b"], follower.State.Tables.Select(table => table.Name));
    }

    [Theory]
    [InlineData(false, "event_%")]
    [InlineData(true, "event")]
    public async Task Partitions_are_followed_by_their_own_names_or_as_their_root(bool viaRoot, string pattern)
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            "CREATE TABLE event (id int, day int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);"
            + "CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (1) TO (10); CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM (10) TO (20);"
            + "INSERT INTO event VALUES (1, 1), (2, 15);"
            + $"CREATE PUBLICATION topgun FOR TABLE event WITH (publish_via_partition_root = {viaRoot})");
        string[] tables = viaRoot ? ["event"] : ["event_1", "event_2"];
        await using var follower = Follower.Start(database, pattern);
        await follower.CatchUpAsync(database, tables);

        await database.ExecuteAsync("INSERT INTO event VALUES (3, 3); UPDATE event SET day = 16 WHERE id = 1; DELETE FROM event WHERE id = 2");

        await follower.CatchUpAsync(database, tables);
        Assert.Equal(tables, follower.State!.Tables.Select(table => table.Name));
    }

    [Fact]
    public async Task A_table_that_the_rules_come_to_use_is_published_and_read_while_the_others_go_on()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)");
        var first = Follower.Start(database, "a");
        await first.CatchUpAsync(database, "a");
        await first.StopAsync();
        await database.ExecuteAsync("INSERT INTO a VALUES (2)");

        await using var second = Follower.Start(database, Follower.OptionsFor("a", "b"), previous: first);

        await second.CatchUpAsync(database, "a", "b");
        await database.ExecuteAsync("INSERT INTO b VALUES (2)");
        await second.CatchUpAsync(database, "a", "b");
        Assert.Equal(1, second.State!.Epoch);
        Assert.Single(second.Log, line => line == "read 1 of a");
    }
}
