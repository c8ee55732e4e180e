using System.Text.RegularExpressions;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

/// <summary>The server itself cannot send a row: its text would be longer than the gigabyte it can hold in one piece, or the publication's filter fails for it.</summary>
public class RowsCannotBeDecoded
{
    [Fact]
    public async Task Following_waits_with_the_place_and_the_remedy_and_goes_on_when_the_slot_is_given_up()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE docs (id int PRIMARY KEY, data bytea); INSERT INTO docs VALUES (1, 'a')");
        await using var follower = Follower.Start(database, "docs");
        await follower.CatchUpAsync(database, "docs");

        var before = await PositionAsync(database);

        await database.ExecuteAsync("INSERT INTO docs VALUES (2, convert_to(repeat('x', 540000000), 'UTF8'))");

        await follower.UntilAsync(() => follower.Monitor.Current.Failure?.Code == "TGB1115");
        var failure = follower.Monitor.Current.Failure!;
        AssertTold(failure, before, await PositionAsync(database), follower.State!.Slot);
        Assert.Contains("invalid memory alloc request size", failure.Message, StringComparison.Ordinal);
        Assert.Equal(["1"], follower.Rows("docs").Keys);

        await database.ExecuteAsync("DELETE FROM docs WHERE id = 2; INSERT INTO docs VALUES (3, 'c')");
        await GiveUpAsync(database, follower.State.Slot);

        await follower.UntilAsync(() => follower.State!.Epoch == 2);
        await follower.CatchUpAsync(database, "docs");
    }

    [Fact]
    public async Task A_row_filter_that_fails_is_told_with_the_place_and_the_remedy_too()
    {
        await using var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("CREATE TABLE docs (id int PRIMARY KEY); INSERT INTO docs VALUES (1); CREATE PUBLICATION topgun FOR TABLE docs WHERE (10 / id > 0)");
        await using var follower = Follower.Start(database, "docs");
        await follower.CatchUpAsync(database, "docs");
        var before = await PositionAsync(database);

        await database.ExecuteAsync("INSERT INTO docs VALUES (0)");

        await follower.UntilAsync(() => follower.Monitor.Current.Failure?.Code == "TGB1115");
        AssertTold(follower.Monitor.Current.Failure!, before, await PositionAsync(database), follower.State!.Slot);
        Assert.Contains("division by zero", follower.Monitor.Current.Failure!.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(follower.Written, line => line.Contains("TGB1101", StringComparison.Ordinal)); // it is named at once, not after a silence

        await database.ExecuteAsync("ALTER PUBLICATION topgun SET TABLE docs; INSERT INTO docs VALUES (3)");
        await GiveUpAsync(database, follower.State.Slot);

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
        Assert.Contains("TGB1112", ((BucketsException)follower.Failure!).Code, StringComparison.Ordinal);
        Assert.Contains("'public.docs'", follower.Failure!.Message, StringComparison.Ordinal);
        Assert.Contains("octet_length", follower.Failure.Message, StringComparison.Ordinal);
    }

    /// <summary>Exactly where, what to mend, and how to go on.</summary>
    private static void AssertTold(BucketsException failure, Lsn before, Lsn after, string slot)
    {
        var position = Regex.Match(failure.Message, "beyond LSN ([0-9A-F]+/[0-9A-F]+):");
        Assert.True(position.Success, failure.Message);
        Assert.InRange(Lsn.Parse(position.Groups[1].Value).Value, before.Value, after.Value);
        Assert.Contains("Three ways on: mend the cause", failure.Message, StringComparison.Ordinal);
        Assert.Contains("take the table out of the publication and the sync rules", failure.Message, StringComparison.Ordinal);
        Assert.Contains($"pg_drop_replication_slot('{slot}')", failure.Message, StringComparison.Ordinal);
    }

    private static async Task<Lsn> PositionAsync(PostgresDatabase database) =>
        Lsn.Parse((await database.ReadAsync<string>("SELECT pg_current_wal_insert_lsn()::text"))!);

    /// <summary>As an operator would, between two attempts in which nobody holds the slot.</summary>
    private static Task GiveUpAsync(PostgresDatabase database, string slot) => database.ExecuteAsync(
        $"""
         DO $$ BEGIN
           FOR attempt IN 1..1000 LOOP
             PERFORM pg_terminate_backend(active_pid, 1000) FROM pg_replication_slots WHERE slot_name = '{slot}';
             BEGIN
               PERFORM pg_drop_replication_slot('{slot}');
               EXIT;
             EXCEPTION WHEN object_in_use THEN
             END;
           END LOOP;
         END $$;
         """);
}
