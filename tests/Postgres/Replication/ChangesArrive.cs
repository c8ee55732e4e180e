using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

public class ChangesArrive
{
    [Fact]
    public async Task A_snapshot_is_followed_by_the_changes_made_since()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY, name text); INSERT INTO lists VALUES (1, 'a'), (2, NULL), (3, '')");
        await using var follower = Follower.Start(database, "lists");
        await follower.CatchUpAsync(database, "lists");

        await database.ExecuteAsync("INSERT INTO lists VALUES (4, 'd')");
        await database.ExecuteAsync("UPDATE lists SET name = 'A' WHERE id = 1");
        await database.ExecuteAsync("DELETE FROM lists WHERE id = 2");

        await follower.CatchUpAsync(database, "lists");
        Assert.Equal(
            [
                "snapshot started: the store is new", "read 3 of lists", "snapshot ended",
                "begin", "insert lists (4|d)", "commit",
                "begin", "update lists (1|A)", "commit",
                "begin", "delete lists old (2|absent)", "commit",
            ],
            follower.Log);
    }
}
