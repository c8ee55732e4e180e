using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

/// <summary>The stream says nothing of these; the catalogue does.</summary>
public class RowsChangeWithoutEvents
{
    private const string Partitioned =
        "CREATE TABLE items (id int PRIMARY KEY, v int) PARTITION BY RANGE (id); CREATE TABLE low PARTITION OF items FOR VALUES FROM (0) TO (10);"
        + "CREATE TABLE high PARTITION OF items FOR VALUES FROM (10) TO (20); INSERT INTO items VALUES (1, 10), (11, 20);"
        + "CREATE PUBLICATION topgun FOR TABLE items WITH (publish_via_partition_root);";

    private const string Plain = "CREATE TABLE items (id int PRIMARY KEY, v int); INSERT INTO items VALUES (1, 10);";

    // How the table is made, what happens to it, the reason that is given, and its rows then.
    public static TheoryData<string, string, string, string> Changes() => new()
    {
        { Plain, "ALTER TABLE items ALTER v TYPE int USING v * 2", "was rewritten", "1|20" },
        { Plain, "ALTER TABLE items ALTER v TYPE text USING 'n' || v", "has another type in column 'v'", "1|n10" },
        { Plain, "ALTER TABLE items ADD w numeric DEFAULT 1 + 0 * random()", "was rewritten", "1|10|1" },
        { Plain, "ALTER TABLE items ADD w int NOT NULL DEFAULT 7", "got column 'w' with a value in every row", "1|10|7" },
        { Plain, "ALTER TABLE items RENAME v TO w", "has column 'w' where it had 'v'", "1|10" },
        { "CREATE TABLE items (id int PRIMARY KEY, a int, v int GENERATED ALWAYS AS (a * 2) STORED, b int); INSERT INTO items VALUES (1, 2, DEFAULT, 3);", "ALTER TABLE items ALTER v DROP EXPRESSION", "has column 'v' in the stream now", "1|2|4|3" },
        { "CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE items (id int PRIMARY KEY, v mood); INSERT INTO items VALUES (1, 'sad');", "ALTER TYPE mood RENAME VALUE 'sad' TO 'glum'", "has values with 'glum' where it had 'sad'", "1|glum" },
        { "CREATE TYPE mood AS ENUM ('sad'); CREATE DOMAIN moods AS mood[]; CREATE TYPE pair AS (a moods, b int); CREATE TABLE items (id int PRIMARY KEY, v pair); INSERT INTO items VALUES (1, ROW('{sad}', 2));", "ALTER TYPE mood RENAME VALUE 'sad' TO 'glum'", "has values with 'glum' where it had 'sad'", "1|({glum},2)" },
        { "CREATE TYPE pair AS (a int, b int); CREATE TABLE items (id int PRIMARY KEY, v pair); INSERT INTO items VALUES (1, ROW(1, 2));", "ALTER TYPE pair DROP ATTRIBUTE a", "has values with", "1|(2)" },
        { Plain + "CREATE TABLE items_new (id int PRIMARY KEY, v int); INSERT INTO items_new VALUES (2, 30); CREATE PUBLICATION topgun FOR ALL TABLES", "ALTER TABLE items RENAME TO items_old; ALTER TABLE items_new RENAME TO items", "was dropped and created again", "2|30" },
        { Plain, "ALTER PUBLICATION topgun SET (publish = 'insert'); UPDATE items SET v = 11; ALTER PUBLICATION topgun SET (publish = 'insert, update, delete, truncate')", "is published otherwise than before", "1|11" },
        { Plain, "ALTER PUBLICATION topgun SET TABLE items WHERE (id > 1); UPDATE items SET v = 11; ALTER PUBLICATION topgun SET TABLE items", "is published otherwise than before", "1|11" },
        { Plain, "ALTER PUBLICATION topgun SET TABLE items (id); UPDATE items SET v = 11; ALTER PUBLICATION topgun SET TABLE items", "is published otherwise than before", "1|11" },
        { Plain, "ALTER PUBLICATION topgun DROP TABLE items; UPDATE items SET v = 11; ALTER PUBLICATION topgun ADD TABLE items", "is published otherwise than before", "1|11" },
        { Plain + "CREATE PUBLICATION topgun FOR ALL TABLES;", "ALTER TABLE items SET UNLOGGED; UPDATE items SET v = 11; ALTER TABLE items SET LOGGED", "has another file, and may have been unlogged", "1|11" },
        { Plain, "ALTER PUBLICATION topgun DROP TABLE items; ALTER TABLE items SET UNLOGGED; UPDATE items SET v = 11; ALTER TABLE items SET LOGGED; ALTER PUBLICATION topgun ADD TABLE items", "is published otherwise than before", "1|11" },
        { Plain, "ALTER PUBLICATION topgun SET TABLE items WHERE (id > 1)", "is published otherwise than before", "" },
        { Partitioned, "TRUNCATE low", "had partition 'low' truncated or rewritten", "11|20" },
        { Partitioned, "DROP TABLE low", "lost partition 'low'", "11|20" },
        { Partitioned, "ALTER TABLE items DETACH PARTITION high", "lost partition 'high'", "1|10" },
        { Partitioned, "CREATE TABLE more (LIKE items INCLUDING ALL); INSERT INTO more VALUES (21, 30); ALTER TABLE items ATTACH PARTITION more FOR VALUES FROM (20) TO (30)", "had partition 'more' attached", "1|10;11|20;21|30" },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task Rows_that_changed_while_nobody_listened_are_read_again(string setUp, string change, string reason, string rows)
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(setUp);
        var first = Follower.Start(database, "items");
        await first.UntilAsync(() => first.IsVisible);
        await first.StopAsync();
        await database.ExecuteAsync(change);

        await using var second = first.Resume(database);

        await second.UntilAsync(() => second.Saw("refresh ended") && second.IsFresh);
        Assert.Contains(second.Log, line => line.StartsWith("refresh started: ", StringComparison.Ordinal) && line.Contains(reason, StringComparison.Ordinal));
        Assert.Equal(rows, string.Join(';', second.Rows("items").Values));
        Assert.Equal(1, second.State!.Epoch);
    }

    [Theory]
    [InlineData(Plain, "ALTER TABLE items ALTER v TYPE int USING v * 2", "1|20")]
    [InlineData(Plain, "ALTER PUBLICATION topgun SET TABLE items WHERE (id > 1); UPDATE items SET v = 11; ALTER PUBLICATION topgun SET TABLE items", "1|11")]
    [InlineData(Plain + "CREATE TABLE items_new (id int PRIMARY KEY, v int); INSERT INTO items_new VALUES (2, 30); CREATE PUBLICATION topgun FOR ALL TABLES", "ALTER TABLE items RENAME TO items_old; ALTER TABLE items_new RENAME TO items", "2|30")]
    [InlineData(Partitioned, "TRUNCATE low", "11|20")]
    public async Task Rows_that_change_while_they_are_followed_are_read_again(string setUp, string change, string rows)
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(setUp);
        await using var follower = Follower.Start(
            database, Follower.OptionsFor("items") with { PublicationWatchInterval = TimeSpan.FromSeconds(1) });
        await follower.UntilAsync(() => follower.IsVisible);

        await database.ExecuteAsync(change);

        await follower.UntilAsync(() => follower.Saw("refresh ended") && follower.IsFresh);
        Assert.Equal(rows, string.Join(';', follower.Rows("items").Values));
        Assert.Equal(1, follower.State!.Epoch);
    }

    [Theory]
    [InlineData(Plain, "VACUUM FULL items")]
    [InlineData(Plain, "TRUNCATE items; INSERT INTO items VALUES (2, 3)")]
    [InlineData(Plain, "ALTER TABLE items ALTER v SET NOT NULL, ALTER v SET DEFAULT 4, ALTER v SET STATISTICS 50; ANALYZE items; REINDEX TABLE items")]
    [InlineData("CREATE TABLE items (id int PRIMARY KEY, v varchar(10)); INSERT INTO items VALUES (1, 'a');", "ALTER TABLE items ALTER v TYPE varchar(20); UPDATE items SET v = 'b'")]
    [InlineData("CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE items (id int PRIMARY KEY, v mood); INSERT INTO items VALUES (1, 'sad');", "ALTER TYPE mood ADD VALUE 'glum'")]
    [InlineData(Partitioned, "CREATE TABLE more PARTITION OF items FOR VALUES FROM (20) TO (30); INSERT INTO items VALUES (21, 30)")]
    [InlineData(Plain, "CREATE TABLE other (id int PRIMARY KEY); ALTER PUBLICATION topgun ADD TABLE other; INSERT INTO other VALUES (1)")]
    public async Task Changes_that_leave_rows_as_they_are_cost_nothing(string setUp, string change)
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(setUp);
        var first = Follower.Start(database, "items");
        await first.CatchUpAsync(database, "items");
        await first.StopAsync();
        await database.ExecuteAsync(change);

        await using var second = first.Resume(database);

        await second.CatchUpAsync(database, "items");
        await database.ExecuteAsync("DELETE FROM items");
        await second.CatchUpAsync(database, "items");
        Assert.False(second.Saw("refresh started"));
        Assert.Equal(1, second.State!.Epoch);
    }

    [Fact]
    public async Task A_partition_that_is_attached_with_rows_is_read_before_anything_happens_to_it()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            "CREATE TABLE event (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (0) TO (10);"
            + "INSERT INTO event VALUES (1); CREATE PUBLICATION topgun FOR TABLE event");
        await using var follower = Follower.Start(
            database, Follower.OptionsFor("event_%") with { PublicationWatchInterval = TimeSpan.FromSeconds(1) });
        await follower.CatchUpAsync(database, "event_1");

        await database.ExecuteAsync(
            "BEGIN; CREATE TABLE event_2 (id int PRIMARY KEY); INSERT INTO event_2 VALUES (11); ALTER TABLE event ATTACH PARTITION event_2 FOR VALUES FROM (10) TO (20); COMMIT");

        await follower.CatchUpAsync(database, "event_1", "event_2");
        Assert.Equal(1, follower.State!.Epoch);
    }
}
