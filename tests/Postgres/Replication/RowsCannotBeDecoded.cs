using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

/// <summary>A row whose text would be longer than the gigabyte that the server can hold in one piece.</summary>
public class RowsCannotBeDecoded
{
    [Fact]
    public async Task Following_waits_with_the_place_and_the_remedy_and_goes_on_when_the_slot_is_given_up()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE docs (id int PRIMARY KEY, data bytea); INSERT INTO docs VALUES (1, 'a')");
        await using var follower = Follower.Start(database, "docs");
        await follower.CatchUpAsync(database, "docs");

        await database.ExecuteAsync("INSERT INTO docs VALUES (2, convert_to(repeat('x', 540000000), 'UTF8'))");

        await follower.UntilAsync(() => follower.Monitor.Current.Failure?.Code == "TGB1115");
        var failure = follower.Monitor.Current.Failure!;
        Assert.Contains("associated LSN", failure.Message, StringComparison.Ordinal);
        Assert.Contains($"pg_drop_replication_slot('{follower.State!.Slot}')", failure.Message, StringComparison.Ordinal);
        Assert.Equal(["1"], follower.Rows("docs").Keys);

        // Between two attempts nobody holds the slot.
        await database.ExecuteAsync(
            $"""
             DELETE FROM docs WHERE id = 2; INSERT INTO docs VALUES (3, 'c');
             DO $$ BEGIN
               FOR attempt IN 1..1000 LOOP
                 PERFORM pg_terminate_backend(active_pid, 1000) FROM pg_replication_slots WHERE slot_name = '{follower.State.Slot}';
                 BEGIN
                   PERFORM pg_drop_replication_slot('{follower.State.Slot}');
                   EXIT;
                 EXCEPTION WHEN object_in_use THEN
                 END;
               END LOOP;
             END $$;
             """);

        await follower.UntilAsync(() => follower.State!.Epoch == 2);
        await follower.CatchUpAsync(database, "docs");
    }

    [Fact]
    public async Task A_snapshot_that_meets_it_ends_with_the_name_of_its_table()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE docs (id int PRIMARY KEY, data bytea); INSERT INTO docs VALUES (2, convert_to(repeat('x', 540000000), 'UTF8'))");

        await using var follower = Follower.Start(database, "docs");

        await follower.UntilFailureAsync();
        Assert.Contains("TGB1112", ((Protocol.BucketsException)follower.Failure!).Code, StringComparison.Ordinal);
        Assert.Contains("'public.docs'", follower.Failure!.Message, StringComparison.Ordinal);
        Assert.Contains("octet_length", follower.Failure.Message, StringComparison.Ordinal);
    }
}
