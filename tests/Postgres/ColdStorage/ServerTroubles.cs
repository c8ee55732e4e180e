using Npgsql;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Support;
using TopGun.Buckets.Tests.Unit.ColdStorage;
using Xunit;
using static TopGun.Buckets.Tests.Unit.ColdStorage.Batches;

namespace TopGun.Buckets.Tests.Postgres.ColdStorage;

/// <summary>The server refuses, restarts, or does not say whether it committed: every operation is stored once.</summary>
public sealed class ServerTroubles
{
    [Theory]
    [InlineData(nameof(CommitFate.NeverAnswered))]
    [InlineData(nameof(CommitFate.NeverArrives))]
    public async Task A_commit_whose_end_is_unknown_takes_place_once(string fate)
    {
        await using var cluster = await PostgresCluster.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await using var cutter = new CommitCutter(cluster.Port);
        await using var database = await StoreDatabase.CreateAsync(cluster);
        var through = new NpgsqlConnectionStringBuilder(database.Database.ConnectionString) { Port = cutter.Port }.ConnectionString;
        await using var storage = await database.OpenAsync(connectionString: through);

        for (var index = 1UL; index <= 5; index++)
        {
            cutter.Fate = Enum.Parse<CommitFate>(fate);
            await storage.WriteAsync(Write(Of(index, ("a", $"row {index}"))).Put(RecordTable.Meta, "k", $"{index}"));
            Assert.Equal((int)index, cutter.Cuts);
        }

        Assert.Equal(["1 row 1", "2 row 2", "3 row 3", "4 row 4", "5 row 5"], await storage.ReadAsync("a"));
        Assert.Equal("5", await storage.GetAsync(RecordTable.Meta, "k"));
    }

    [Theory]
    [InlineData(PostgresErrorCodes.SerializationFailure)]
    [InlineData(PostgresErrorCodes.DeadlockDetected)]
    [InlineData(PostgresErrorCodes.AdminShutdown)]
    [InlineData(PostgresErrorCodes.OutOfMemory)]
    public async Task A_transaction_that_the_server_gives_up_is_written_again(string state)
    {
        await using var database = await StoreDatabase.CreateAsync();
        await using var storage = await database.OpenAsync();
        await FailAsync(database, state, times: 2);

        await storage.WriteAsync(Write(Of(1, ("a", "x"), ("b", "y"))).Put(RecordTable.RowState, "k", "1"));

        Assert.Equal(["1 x"], await storage.ReadAsync("a"));
        Assert.Equal("1", await storage.GetAsync(RecordTable.RowState, "k"));
        Assert.Equal(3, await database.Database.ReadAsync<long>("SELECT last_value FROM attempts"));
    }

    [Fact]
    public async Task A_server_without_room_stores_nothing_and_takes_the_write_later()
    {
        await using var database = await StoreDatabase.CreateAsync();
        await using var storage = await database.OpenAsync();
        var write = Write(Of(1, ("a", "x")));
        await FailAsync(database, PostgresErrorCodes.DiskFull, times: 2);

        for (var attempt = 0; attempt < 2; attempt++)
        {
            var failure = await Assert.ThrowsAsync<StoreFullException>(async () => await storage.WriteAsync(write));
            Assert.Equal("TGB2005", failure.Code);
            Assert.Empty(await storage.ReadAsync("a"));
        }
        await storage.WriteAsync(write);

        Assert.Equal(["1 x"], await storage.ReadAsync("a"));
    }

    [Theory]
    [InlineData(PostgresStop.Fast)]
    [InlineData(PostgresStop.Kill)]
    public async Task A_server_that_restarts_is_waited_for(PostgresStop how)
    {
        await using var cluster = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Fsync = true }, TestContext.Current.CancellationToken);
        await using var database = await StoreDatabase.CreateAsync(cluster);
        await using var storage = await database.OpenAsync();
        await storage.WriteAsync(Write(Of(1, ("a", "before"))).Put(RecordTable.RowState, "k", "1"));

        await cluster.StopAsync(how);
        var writing = storage.WriteAsync(Write(Of(2, ("a", "while it was away"))).Put(RecordTable.RowState, "k", "2")).AsTask();
        var reading = storage.ReadAsync("a", upTo: 1);
        await cluster.StartAsync(TestContext.Current.CancellationToken);

        await writing;
        Assert.Equal(["1 before"], await reading);
        Assert.Equal(["1 before", "2 while it was away"], await storage.ReadAsync("a"));
        Assert.Equal("2", await storage.GetAsync(RecordTable.RowState, "k"));
        await storage.EnsureHeldAsync(TestContext.Current.CancellationToken); // the lease was renewed, or is again
    }

    [Fact]
    public async Task A_reset_waits_for_who_reads_and_takes_place()
    {
        await using var database = await StoreDatabase.CreateAsync();
        await using var storage = await database.OpenAsync();
        await storage.WriteAsync(Write(Of(1, ("a", "x"))));
        await using var backup = await database.Database.DataSource.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var transaction = await backup.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using (var read = new NpgsqlCommand("SELECT count(*) FROM topgun_store.topgun_ops", backup))
            await read.ExecuteScalarAsync(TestContext.Current.CancellationToken);
        var write = Write(Of(2, ("b", "y")));
        write.Reset = true;

        var writing = storage.WriteAsync(write).AsTask();
        await Patience.UntilAsync(
            async () => await database.Database.ReadAsync<long>("SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'") > 0,
            "the reset waits for the lock");
        Assert.False(writing.IsCompleted);
        await transaction.CommitAsync(TestContext.Current.CancellationToken);

        await writing;
        Assert.Empty(await storage.ReadAsync("a"));
        Assert.Equal(["2 y"], await storage.ReadAsync("b"));
    }

    [Theory]
    [InlineData("58030")] // what the server says of EIO
    [InlineData(PostgresErrorCodes.DataCorrupted)]
    [InlineData(PostgresErrorCodes.InsufficientPrivilege)]
    public async Task What_the_server_cannot_write_for_good_is_final_until_the_store_is_opened_anew(string state)
    {
        await using var database = await StoreDatabase.CreateAsync();
        await using (var storage = await database.OpenAsync())
        {
            await storage.WriteAsync(Write(Of(1, ("a", "kept"))));
            await FailAsync(database, state, times: 1);

            var failure = await Assert.ThrowsAsync<StoreFailedException>(async () => await storage.WriteAsync(Write(Of(2, ("a", "lost")))));

            Assert.Equal("TGB2001", failure.Code);
            await Assert.ThrowsAsync<StoreFailedException>(async () => await storage.WriteAsync(Write(Of(2, ("a", "lost")))));
            Assert.Equal(1, await database.Database.ReadAsync<long>("SELECT last_value FROM attempts"));
        }

        await using var reopened = await database.OpenAsync();
        await reopened.WriteAsync(Write(Of(5, ("b", "works"))));
        Assert.Equal(["1 kept"], await reopened.ReadAsync("a"));
        Assert.Equal(["5 works"], await reopened.ReadAsync("b"));
    }

    [Theory]
    [InlineData("DROP SCHEMA topgun_store CASCADE", "TGB2001")]
    [InlineData("TRUNCATE topgun_store.topgun_store", "TGB2003")]
    [InlineData("UPDATE topgun_store.topgun_store SET last_write = last_write - 1; DELETE FROM topgun_store.topgun_writes", "TGB2003")] // an older copy
    public async Task Tables_that_are_taken_away_from_a_store_in_use_are_missed_at_the_next_write(string sql, string code)
    {
        await using var database = await StoreDatabase.CreateAsync();
        await using var storage = await database.OpenAsync();
        await storage.WriteAsync(Write(Of(1, ("a", "first"))));
        await storage.WriteAsync(Write(Of(2, ("a", "second"))));
        await database.Database.ExecuteAsync(sql);

        var failure = await Assert.ThrowsAnyAsync<BucketsException>(async () => await storage.WriteAsync(Write(Of(3, ("a", "third")))));

        Assert.Equal(code, failure.Code);
        await Assert.ThrowsAnyAsync<BucketsException>(async () => await storage.WriteAsync(Write(Of(3, ("a", "third"))))); // until it is opened anew
    }

    [Fact]
    public async Task A_bit_that_flips_anywhere_is_never_served()
    {
        await using var database = await StoreDatabase.CreateAsync();
        await using var storage = await database.OpenAsync();
        await storage.WriteAsync(Write(Of(1, ("a", "some text"))).Put(RecordTable.RowState, "key", "value"));
        var bytes = await database.Database.ReadAsync<int>("SELECT length(ops) FROM topgun_store.topgun_ops");
        Assert.InRange(bytes, 20, 100);

        for (var place = 0; place < bytes; place++)
        {
            await FlipAsync("topgun_ops", "ops", place);
            Assert.Equal("TGB2003", (await Assert.ThrowsAsync<DamagedStoreException>(() => storage.ReadAsync("a"))).Code);
            await FlipAsync("topgun_ops", "ops", place);
        }
        for (var place = 0; place < "value".Length; place++)
        {
            await FlipAsync("topgun_records", "value", place);
            await Assert.ThrowsAsync<DamagedStoreException>(() => storage.GetAsync(RecordTable.RowState, "key"));
            await Assert.ThrowsAsync<DamagedStoreException>(() => storage.ScanAsync(RecordTable.RowState));
            await FlipAsync("topgun_records", "value", place);
        }
        Assert.Equal(["1 some text"], await storage.ReadAsync("a"));
        Assert.Equal("value", await storage.GetAsync(RecordTable.RowState, "key"));

        Task FlipAsync(string table, string column, int place) => database.Database.ExecuteAsync(
            $"UPDATE topgun_store.{table} SET {column} = set_byte({column}, {place}, get_byte({column}, {place}) # 4)");
    }

    private static Task FailAsync(StoreDatabase database, string state, int times) => database.Database.ExecuteAsync(
        $$"""
        CREATE SEQUENCE attempts;
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $body$
        BEGIN
            IF nextval('public.attempts') <= {{times}} THEN
                RAISE EXCEPTION 'refused for a test' USING ERRCODE = '{{state}}';
            END IF;
            RETURN NEW;
        END $body$;
        CREATE TRIGGER refuse BEFORE UPDATE OF last_write ON topgun_store.topgun_store FOR EACH ROW EXECUTE FUNCTION refuse();
        """);
}
