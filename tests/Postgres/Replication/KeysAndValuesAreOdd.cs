using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

public class KeysAndValuesAreOdd
{
    [Theory]
    [InlineData("numeric", "1.0", "1.00", "1.00")]
    [InlineData("float8", "'0'", "'-0'", "-0")]
    [InlineData("char(4)", "'a'", "'a '", "a   ")]
    [InlineData("citext_like", "'a'", "'A'", "A")]
    public async Task A_key_that_only_looks_different_stays_one_row(string type, string before, string after, string text)
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            "CREATE COLLATION anycase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
            + $"CREATE TABLE items (k {(type == "citext_like" ? "text COLLATE anycase" : type)} PRIMARY KEY, v int); INSERT INTO items VALUES ({before}, 1)");
        await using var follower = Follower.Start(database, "items");
        await follower.UntilAsync(() => follower.IsVisible);

        await database.ExecuteAsync($"UPDATE items SET k = {after}, v = 2");

        await follower.UntilAsync(() => follower.Rows("items").Values.Any(row => row.EndsWith("|2", StringComparison.Ordinal)));
        Assert.Equal([$"{text}|2"], follower.Rows("items").Values);
        await database.ExecuteAsync($"DELETE FROM items WHERE k = {before}");
        await follower.UntilAsync(() => follower.Rows("items").Count == 0);
    }

    [Fact]
    public async Task Keys_that_swap_and_move_on_in_one_transaction_take_their_large_values_along()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            "CREATE TABLE docs (id int PRIMARY KEY, body text); ALTER TABLE docs ALTER body SET STORAGE EXTERNAL;"
            + "INSERT INTO docs SELECT i, repeat(i::text, 5000) FROM generate_series(1, 4) i");
        await using var follower = Follower.Start(database, "docs");
        await follower.CatchUpAsync(database, "docs");

        await database.ExecuteAsync(
            """
            BEGIN;
            UPDATE docs SET id = 9 WHERE id = 1; UPDATE docs SET id = 1 WHERE id = 2; UPDATE docs SET id = 2 WHERE id = 9;
            UPDATE docs SET id = 5 WHERE id = 3; UPDATE docs SET id = 6 WHERE id = 5; UPDATE docs SET id = 7 WHERE id = 6;
            DELETE FROM docs WHERE id = 4; INSERT INTO docs VALUES (4, repeat('new', 5000)); UPDATE docs SET id = 3 WHERE id = 4;
            COMMIT
            """);

        await follower.CatchUpAsync(database, "docs");
        Assert.Equal(["1", "2", "3", "7"], follower.Rows("docs").Keys.Order());
    }

    [Fact]
    public async Task Rows_of_tens_of_megabytes_come_whole_by_snapshot_and_by_stream()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            "CREATE TABLE docs (id int PRIMARY KEY, body text, data bytea);"
            + "INSERT INTO docs VALUES (1, repeat('15 megabytes ...', 983040), decode(repeat('ab', 10485760), 'hex'))");
        await using var follower = Follower.Start(database, "docs");
        await follower.UntilAsync(() => follower.IsVisible);

        await database.ExecuteAsync("INSERT INTO docs VALUES (2, repeat('64 megabytes ...', 4194304), '')");
        await database.ExecuteAsync("INSERT INTO docs SELECT 3, body, data FROM docs WHERE id = 1; UPDATE docs SET id = 4 WHERE id = 2");

        await follower.UntilAsync(() => follower.Rows("docs").ContainsKey("4"));
        var rows = follower.Rows("docs");
        Assert.Equal(["1", "3", "4"], rows.Keys.Order());
        Assert.Equal(2 + 15_728_640 + 1 + 2 + 20_971_520, rows["1"].Length);
        Assert.True(rows["1"][1..] == rows["3"][1..], "The row differs by how it came.");
        Assert.Equal(2 + 67_108_864 + 1 + 2, rows["4"].Length);
    }
}
