using TopGun.Buckets.Replication;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

/// <summary>Tables are dropped, renamed, swapped, rekeyed, or taken out of the publication: the table follows, and the others do not notice.</summary>
public class TablesChangePlaces
{
    private const string Lists = "CREATE TABLE lists (id int PRIMARY KEY, n int); INSERT INTO lists VALUES (1, 1); CREATE TABLE other (id int PRIMARY KEY); ";
    private const string AllTables = "CREATE PUBLICATION topgun FOR ALL TABLES; ";

    // What is there, what happens, the reason that is told, and the rows of lists that are in place then; null: none.
    public static TheoryData<string, string, string, string?> Changes() => new()
    {
        { Lists, "DROP TABLE lists; CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (4)", "was dropped and created again", "4" },
        { Lists + AllTables, "DROP TABLE lists; CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (4)", "was dropped and created again", "4" },
        { Lists, "DROP TABLE lists", "", null },
        { Lists, "ALTER TABLE lists RENAME TO archive", "", null },
        { Lists, "CREATE SCHEMA cellar; ALTER TABLE lists SET SCHEMA cellar", "", null },
        { Lists + "CREATE SCHEMA cellar; CREATE TABLE cellar.lists (id int PRIMARY KEY, n int); INSERT INTO cellar.lists VALUES (3, 3);", "DROP TABLE lists; ALTER TABLE cellar.lists SET SCHEMA public", "was dropped and created again", "3|3" },
        { Lists + "CREATE TABLE lists_new (id int PRIMARY KEY, n int); INSERT INTO lists_new VALUES (1, 1), (2, 2);", "ALTER TABLE lists RENAME TO lists_old; ALTER TABLE lists_new RENAME TO lists", "was dropped and created again", "1|1;2|2" },
        { Lists, "ALTER TABLE lists ALTER id TYPE bigint", "the key of table 'public.lists' changed", "1|1" },
        { Lists, "ALTER TABLE lists DROP CONSTRAINT lists_pkey; ALTER TABLE lists ADD PRIMARY KEY (id, n)", "the key of table 'public.lists' changed", "1|1" },
        { Lists, "ALTER TABLE lists RENAME id TO uid", "the key of table 'public.lists' changed", "1|1" },
        { Lists, "ALTER TABLE lists ALTER n SET NOT NULL; CREATE UNIQUE INDEX by_n ON lists (n); ALTER TABLE lists REPLICA IDENTITY USING INDEX by_n", "the key of table 'public.lists' changed", "1|1" },
        { Lists, "ALTER PUBLICATION topgun DROP TABLE lists; UPDATE lists SET n = 7", "is published otherwise than before", "1|7" },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task A_table_follows_while_others_go_on(string setUp, string change, string reason, string? rows)
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(setUp);
        await using var follower = Follower.Start(database, Options);
        await follower.CatchUpAsync(database, "lists", "other");

        await database.ExecuteAsync($"BEGIN; {change}; INSERT INTO other VALUES (1); COMMIT");

        await AssertFollowedAsync(database, follower, reason, rows);
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public async Task A_table_follows_that_changed_while_nobody_listened(string setUp, string change, string reason, string? rows)
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(setUp);
        var first = Follower.Start(database, Options);
        await first.CatchUpAsync(database, "lists", "other");
        await first.StopAsync();
        await database.ExecuteAsync($"INSERT INTO lists VALUES (2); UPDATE lists SET n = 5 WHERE id = 2; DELETE FROM lists WHERE id = 2; {change}; INSERT INTO other VALUES (1)");

        await using var second = first.Resume(database);

        await AssertFollowedAsync(database, second, reason, rows);
    }

    [Fact]
    public async Task Two_tables_that_swap_their_names_swap_their_rows_in_one_step()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(Lists + "INSERT INTO other VALUES (77)");
        var torn = false;
        await using var follower = Follower.Start(database, Options, prepare: one => one.Before = _ =>
            torn |= one.Rows("lists").ContainsKey("77") != one.Rows("other").ContainsKey("1"));
        await follower.CatchUpAsync(database, "lists", "other");

        await database.ExecuteAsync("BEGIN; ALTER TABLE lists RENAME TO temporary; ALTER TABLE other RENAME TO lists; ALTER TABLE temporary RENAME TO other; COMMIT");

        await follower.UntilAsync(() => follower.Saw("refresh ended: 2 read"));
        await follower.CatchUpAsync(database, "lists", "other");
        await database.ExecuteAsync("INSERT INTO lists VALUES (78); INSERT INTO other VALUES (2, 2)");
        await follower.CatchUpAsync(database, "lists", "other");
        Assert.False(torn);
    }

    [Theory]
    [InlineData("ALTER TABLE lists DROP CONSTRAINT lists_pkey", "it has no primary key", "ALTER TABLE lists ADD PRIMARY KEY (id)")]
    [InlineData("ALTER TABLE lists REPLICA IDENTITY NOTHING", "its replica identity is NOTHING", "ALTER TABLE lists REPLICA IDENTITY DEFAULT")]
    [InlineData("CREATE UNIQUE INDEX by_id ON lists (id); ALTER TABLE lists REPLICA IDENTITY USING INDEX by_id; DROP INDEX by_id", "the index of its replica identity does not exist any more", "ALTER TABLE lists REPLICA IDENTITY DEFAULT")]
    public async Task A_table_that_loses_its_key_is_left_alone_so_that_its_application_goes_on(string change, string reason, string remedy)
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(Lists);
        await using var follower = Follower.Start(database, Options);
        await follower.CatchUpAsync(database, "lists", "other");

        await database.ExecuteAsync(change);

        await follower.UntilAsync(() => Stale(follower)?.Contains(reason, StringComparison.Ordinal) == true);
        var told = remedy.Replace("TABLE lists", "TABLE \"public\".\"lists\"", StringComparison.Ordinal).Replace("(id)", "(…)", StringComparison.Ordinal);
        Assert.Contains($"{told};", Stale(follower), StringComparison.Ordinal);
        await database.ExecuteAsync("UPDATE lists SET n = 2; INSERT INTO other VALUES (5)"); // fails while the table is published
        await follower.CatchUpAsync(database, "other");
        Assert.Equal(["1|1"], follower.Rows("lists").Values);

        await database.ExecuteAsync(remedy);
        await follower.CatchUpAsync(database, "lists", "other");
        await follower.UntilAsync(() => Stale(follower) is null);
    }

    [Fact]
    public async Task A_table_that_may_not_be_read_any_more_is_never_an_empty_table()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        var role = $"reader_{Guid.NewGuid():N}";
        await database.ExecuteAsync(
            $"{Lists} CREATE ROLE {role} LOGIN REPLICATION; GRANT SELECT ON lists, other TO {role}; CREATE PUBLICATION topgun FOR TABLE lists, other");
        await using var follower = Follower.Start(database, Options, role: role);
        await follower.CatchUpAsync(database, "lists", "other");

        await database.ExecuteAsync("ALTER TABLE lists ENABLE ROW LEVEL SECURITY");

        await follower.UntilAsync(() => Stale(follower)?.Contains("Row security", StringComparison.Ordinal) == true);
        Assert.Equal(["1|1"], follower.Rows("lists").Values);
        await database.ExecuteAsync("ALTER TABLE lists DISABLE ROW LEVEL SECURITY; UPDATE lists SET n = 3");
        await follower.CatchUpAsync(database, "lists", "other");
        await follower.UntilAsync(() => Stale(follower) is null);
        Assert.Equal(1, follower.State!.Epoch);
    }

    [Fact]
    public async Task A_publication_that_brings_only_some_changes_is_waited_for()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(Lists);
        await using var follower = Follower.Start(database, Options);
        await follower.CatchUpAsync(database, "lists");

        await database.ExecuteAsync("ALTER PUBLICATION topgun SET (publish = 'insert')");
        await follower.UntilAsync(() => follower.Monitor.Current is { Phase: ReplicationPhase.Unavailable, Failure.Code: "TGB1105" });
        await database.ExecuteAsync("UPDATE lists SET n = 4; ALTER PUBLICATION topgun SET (publish = 'insert, update, delete, truncate')");

        await follower.CatchUpAsync(database, "lists");
        Assert.Equal(1, follower.State!.Epoch);
    }

    private static ChangeSourceOptions Options => Follower.OptionsFor("lists", "other") with { PublicationWatchInterval = TimeSpan.FromSeconds(1) };

    private static string? Stale(Follower follower) => follower.State!.Tables.Single(table => table.Name == "lists").Stale?.Reason
        ?? follower.Monitor.Current.State!.Tables.Single(table => table.Name == "lists").Stale?.Reason;

    private static async Task AssertFollowedAsync(PostgresDatabase database, Follower follower, string reason, string? rows)
    {
        await follower.UntilAsync(() => follower.Saw("refresh ended") && follower.IsFresh);
        await follower.CatchUpAsync(database, "other");
        Assert.Equal(rows ?? "", string.Join(';', follower.Rows("lists").Values));
        Assert.Equal(1, follower.State!.Epoch);
        Assert.Contains(follower.Log, line => line.StartsWith("refresh", StringComparison.Ordinal) && line.Contains(reason, StringComparison.Ordinal));
        if (rows is null)
            return;
        await database.ExecuteAsync("DELETE FROM lists; INSERT INTO lists SELECT 12 FROM generate_series(1, 0)");
        await follower.CatchUpAsync(database, "lists", "other");
    }
}
