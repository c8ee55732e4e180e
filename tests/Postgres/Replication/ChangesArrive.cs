using TopGun.Buckets.Replication;
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

    [Fact]
    public async Task A_changed_key_comes_with_the_old_one_even_when_rows_swap_theirs()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY, name text); INSERT INTO lists VALUES (1, 'a'), (2, 'b')");
        await using var follower = Follower.Start(database, "lists");
        await follower.CatchUpAsync(database, "lists");

        await database.ExecuteAsync("UPDATE lists SET id = 9 WHERE id = 1; UPDATE lists SET id = 1 WHERE id = 2; UPDATE lists SET id = 2 WHERE id = 9");

        await follower.CatchUpAsync(database, "lists");
        Assert.Contains("update lists old (1|absent) (9|a)", follower.Log);
        Assert.Equal("2|a", follower.Rows("lists")["2"]);
    }

    [Fact]
    public async Task A_value_stored_out_of_line_is_not_sent_again_when_it_did_not_change()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            "CREATE TABLE docs (id int PRIMARY KEY, body text, version int); ALTER TABLE docs ALTER body SET STORAGE EXTERNAL;"
            + "INSERT INTO docs VALUES (1, repeat('x', 10000), 1)");
        await using var follower = Follower.Start(database, "docs");
        await follower.CatchUpAsync(database, "docs");

        await database.ExecuteAsync("UPDATE docs SET version = 2");
        await database.ExecuteAsync("UPDATE docs SET id = 5");

        await follower.CatchUpAsync(database, "docs");
        Assert.Contains("update docs (1|unchanged|2)", follower.Log);
        Assert.Contains("update docs old (1|absent|absent) (5|unchanged|2)", follower.Log);
    }

    [Fact]
    public async Task Under_identity_full_the_old_row_fills_in_what_was_not_sent_again()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            "CREATE TABLE docs (id int PRIMARY KEY, body text, version int); ALTER TABLE docs ALTER body SET STORAGE EXTERNAL;"
            + "ALTER TABLE docs REPLICA IDENTITY FULL; INSERT INTO docs VALUES (1, repeat('x', 10000), 1)");
        await using var follower = Follower.Start(database, "docs");
        await follower.CatchUpAsync(database, "docs");

        await database.ExecuteAsync("UPDATE docs SET version = 2");
        await database.ExecuteAsync("UPDATE docs SET id = 7");

        await follower.CatchUpAsync(database, "docs");
        Assert.DoesNotContain(follower.Log, line => line.Contains("unchanged", StringComparison.Ordinal));
        Assert.Equal(["7"], follower.Rows("docs").Keys); // the primary key is the key, not the whole row
    }

    [Fact]
    public async Task An_index_as_identity_makes_the_key()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            "CREATE TABLE tags (note text, a int NOT NULL, b text NOT NULL); CREATE UNIQUE INDEX tags_key ON tags (b, a);"
            + "ALTER TABLE tags REPLICA IDENTITY USING INDEX tags_key; INSERT INTO tags VALUES ('n', 1, 'x'), ('m', 2, 'x')");
        await using var follower = Follower.Start(database, "tags");
        await follower.CatchUpAsync(database, "tags");

        await database.ExecuteAsync("UPDATE tags SET note = 'N' WHERE a = 1; UPDATE tags SET b = 'y' WHERE a = 2; INSERT INTO tags VALUES (NULL, 3, '')");

        await follower.CatchUpAsync(database, "tags");
        Assert.Equal(["1|x", "2|y", "3|"], follower.Rows("tags").Keys.Order());
    }

    [Fact]
    public async Task A_table_of_identity_full_without_a_key_is_followed_by_its_whole_rows()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE log (a int, b text); ALTER TABLE log REPLICA IDENTITY FULL; INSERT INTO log VALUES (1, 'x'), (2, NULL)");
        await using var follower = Follower.Start(database, "log");
        await follower.CatchUpAsync(database, "log");

        await database.ExecuteAsync("UPDATE log SET b = 'y' WHERE a = 2; DELETE FROM log WHERE a = 1; INSERT INTO log VALUES (3, 'z')");

        await follower.CatchUpAsync(database, "log");
        Assert.Equal(["2|y", "3|z"], follower.Rows("log").Keys.Order());
    }

    [Fact]
    public async Task A_truncate_names_every_table_it_emptied()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            "CREATE TABLE lists (id int PRIMARY KEY); CREATE TABLE todos (id int PRIMARY KEY, list int REFERENCES lists);"
            + "INSERT INTO lists VALUES (1); INSERT INTO todos VALUES (1, 1)");
        await using var follower = Follower.Start(database, "lists", "todos");
        await follower.CatchUpAsync(database, "lists", "todos");

        await database.ExecuteAsync("BEGIN; TRUNCATE lists CASCADE; INSERT INTO lists VALUES (2); COMMIT");

        await follower.CatchUpAsync(database, "lists", "todos");
        Assert.Contains(follower.Log, line => line is "truncate lists, todos" or "truncate todos, lists");
        Assert.Equal(["2"], follower.Rows("lists").Keys);
    }

    [Fact]
    public async Task A_transaction_over_two_tables_arrives_whole_without_what_was_rolled_back()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); CREATE TABLE todos (id int PRIMARY KEY)");
        await using var follower = Follower.Start(database, "lists", "todos");
        await follower.CatchUpAsync(database, "lists", "todos");

        await database.ExecuteAsync(
            "BEGIN; INSERT INTO lists VALUES (1); SAVEPOINT a; INSERT INTO todos VALUES (1); ROLLBACK TO a; INSERT INTO todos VALUES (2); COMMIT;"
            + "BEGIN; INSERT INTO lists VALUES (9); ROLLBACK");

        await follower.CatchUpAsync(database, "lists", "todos");
        Assert.Equal(["begin", "insert lists (1)", "insert todos (2)", "commit"], follower.Log.Skip(4));
    }

    [Fact]
    public async Task Transactions_arrive_in_the_order_of_their_commits()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        await using var follower = Follower.Start(database, "lists");
        await follower.CatchUpAsync(database, "lists");

        await using (var connection = await database.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken))
        await using (var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken))
        {
            await using var insert = new Npgsql.NpgsqlCommand("INSERT INTO lists VALUES (1)", connection, transaction);
            await insert.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
            await database.ExecuteAsync("INSERT INTO lists VALUES (2)");
            await transaction.CommitAsync(TestContext.Current.CancellationToken);
        }

        await follower.CatchUpAsync(database, "lists");
        Assert.Equal(["insert lists (2)", "insert lists (1)"], follower.Log.Where(line => line.StartsWith("insert", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_transaction_whose_changes_lie_before_what_is_stored_is_not_taken_for_known()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        var first = Follower.Start(database, "lists");
        await first.CatchUpAsync(database, "lists");
        await using var connection = await database.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using (var insert = new Npgsql.NpgsqlCommand("INSERT INTO lists VALUES (1)", connection, transaction))
            await insert.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await database.ExecuteAsync("INSERT INTO lists VALUES (2)");
        await first.CatchUpAsync(database, "lists");
        await first.StopAsync();

        await transaction.CommitAsync(TestContext.Current.CancellationToken);
        await using var second = first.Resume(database);

        await second.CatchUpAsync(database, "lists");
        Assert.Equal(["insert lists (2)", "insert lists (1)"], second.Log.Where(line => line.StartsWith("insert", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Copied_rows_that_share_a_position_are_all_there_also_after_a_restart()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY, n int)");
        var first = Follower.Start(database, Follower.OptionsFor("lists"), prepare: one => one.Acknowledges = false);
        await first.CatchUpAsync(database, "lists");
        await using (var connection = await database.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken))
        await using (var copy = await connection.BeginTextImportAsync("COPY lists FROM STDIN", TestContext.Current.CancellationToken))
        {
            for (var id = 0; id < 1000; id++)
                await copy.WriteLineAsync($"{id}\t{id}");
        }
        await first.CatchUpAsync(database, "lists");
        await first.StopAsync();

        await using var second = first.Resume(database); // the server sends it again, for it was not told
        await database.ExecuteAsync("UPDATE lists SET n = n + 1 WHERE id < 3");

        await second.CatchUpAsync(database, "lists");
        Assert.Equal(1000, second.Log.Count(line => line.StartsWith("insert", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Names_may_hold_anything_a_name_may_hold()
    {
        const string name = "we'ird, \"T%able\" \\";
        var table = SqlText.Name(name);
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync($"CREATE TABLE {table} (\"I d\" int PRIMARY KEY, \"sel'ect\"\"\" text); INSERT INTO {table} VALUES (1, 'a')");
        await using var follower = Follower.Start(database, Follower.OptionsFor(name) with { Publication = "pub's \"name\", \\" });
        await follower.UntilAsync(() => follower.IsVisible);

        await database.ExecuteAsync($"INSERT INTO {table} VALUES (2, 'b')");

        await follower.UntilAsync(() => follower.Rows(name).Count == 2);
    }

    [Fact]
    public async Task Tables_that_are_not_wanted_stay_out_even_when_they_are_published()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync(
            "CREATE TABLE lists (id int PRIMARY KEY); CREATE TABLE secrets (id int PRIMARY KEY); CREATE PUBLICATION topgun FOR ALL TABLES");
        await using var follower = Follower.Start(database, "lists");
        await follower.CatchUpAsync(database, "lists");

        await database.ExecuteAsync("INSERT INTO secrets VALUES (1); INSERT INTO lists VALUES (1); TRUNCATE secrets");
        await database.ExecuteAsync("INSERT INTO lists VALUES (2)");

        await follower.CatchUpAsync(database, "lists");
        Assert.DoesNotContain(follower.Log, line => line.Contains("secrets", StringComparison.Ordinal) || line.StartsWith("truncate", StringComparison.Ordinal));
    }
}
