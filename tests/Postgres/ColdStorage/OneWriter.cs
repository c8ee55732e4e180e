using System.Globalization;
using Npgsql;
using TopGun.Buckets.ColdStorage;
using TopGun.Buckets.ColdStorage.Postgres;
using TopGun.Buckets.Tests.Support;
using TopGun.Buckets.Tests.Unit.ColdStorage;
using Xunit;
using static TopGun.Buckets.Tests.Unit.ColdStorage.Batches;

namespace TopGun.Buckets.Tests.Postgres.ColdStorage;

/// <summary>Whoever writes is the only one, and who was it once writes nothing any more.</summary>
public sealed class OneWriter
{
    // The holder is never heard of again within a test, as if it stood still.
    private static readonly PostgresStoreOptions Paused = new() { Lease = TimeSpan.FromSeconds(1), Renewal = TimeSpan.FromHours(1) };

    [Fact]
    public async Task A_second_opener_is_told_who_has_the_store()
    {
        await using var database = await StoreDatabase.CreateAsync();
        await using var first = await database.OpenAsync();

        var failure = await Assert.ThrowsAsync<StoreInUseException>(() => database.OpenAsync());

        Assert.Equal("TGB2002", failure.Code);
        Assert.Contains(string.Create(CultureInfo.InvariantCulture, $"process {Environment.ProcessId} on {Environment.MachineName}"), failure.Message, StringComparison.Ordinal);
        await first.WriteAsync(Write(Of(1, ("a", "still works"))));
    }

    [Fact]
    public async Task A_store_that_was_closed_is_opened_at_once()
    {
        await using var database = await StoreDatabase.CreateAsync();
        await (await database.OpenAsync()).DisposeAsync();

        await using var second = await database.OpenAsync(new PostgresStoreOptions { Lease = TimeSpan.FromDays(1) });

        Assert.Equal(0, await database.Database.ReadAsync<long>("SELECT count(*) FROM topgun_store.topgun_lease WHERE fence < 2"));
    }

    [Fact]
    public async Task A_holder_whose_sessions_are_gone_is_not_waited_for()
    {
        await using var database = await StoreDatabase.CreateAsync();
        await using var first = await database.OpenAsync(new PostgresStoreOptions { Lease = TimeSpan.FromDays(1), Renewal = TimeSpan.FromHours(1) });
        await database.Database.ExecuteAsync("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'topgun writer%'");

        await using var second = await database.OpenAsync();

        await second.WriteAsync(Write(Of(1, ("a", "second"))));
        var failure = await Assert.ThrowsAsync<StoreTakenOverException>(async () => await first.WriteAsync(Write(Of(1, ("a", "first")))));
        Assert.Equal("TGB2007", failure.Code);
        Assert.Equal(["1 second"], await second.ReadAsync("a"));
    }

    [Fact]
    public async Task A_former_holder_that_wakes_up_writes_and_shows_nothing()
    {
        await using var database = await StoreDatabase.CreateAsync();
        await using var first = await database.OpenAsync(Paused);
        await first.WriteAsync(Write(Of(1, ("a", "first"))));

        await using var second = await database.OpenAsync();
        await second.WriteAsync(Write(Of(2, ("a", "second"))));

        await Assert.ThrowsAsync<StoreTakenOverException>(async () => await first.WriteAsync(Write(Of(2, ("a", "woken up")))));
        await Assert.ThrowsAsync<StoreTakenOverException>(async () => await first.EnsureHeldAsync(TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<StoreTakenOverException>(() => first.Lost);
        Assert.Equal(["1 first", "2 second"], await second.ReadAsync("a"));
    }

    [Fact]
    public async Task A_former_holder_that_stands_still_in_a_transaction_does_not_keep_the_next_from_writing()
    {
        await using var database = await StoreDatabase.CreateAsync();
        await using var first = await database.OpenAsync(Paused);
        // As far as a writer comes before its commit: operations are there, and the row of the fence is locked.
        var asFirst = new NpgsqlConnectionStringBuilder(database.Database.ConnectionString) { ApplicationName = StoreConnections.WriterName("topgun_store", 1) };
        await using var standing = new NpgsqlConnection(asFirst.ConnectionString);
        await standing.OpenAsync(TestContext.Current.CancellationToken);
        await using var transaction = await standing.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using (var insert = new NpgsqlCommand(@"INSERT INTO topgun_store.topgun_ops VALUES ('\x61', 1, 1, '\x00')", standing))
            await insert.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

        await using var second = await database.OpenAsync();
        await second.WriteAsync(Write(Of(1, ("a", "second"))));

        Assert.Equal(["1 second"], await second.ReadAsync("a"));
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => transaction.CommitAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_newer_format_is_refused_untouched()
    {
        await using var database = await StoreDatabase.CreateAsync();
        await (await database.OpenAsync()).DisposeAsync();
        await database.Database.ExecuteAsync("UPDATE topgun_store.topgun_store SET format = 9");

        var failure = await Assert.ThrowsAsync<StoreVersionException>(() => database.OpenAsync());

        Assert.Equal("TGB2004", failure.Code);
        Assert.Equal(1, await database.Database.ReadAsync<long>("SELECT fence FROM topgun_store.topgun_store"));
    }

    [Fact]
    public async Task An_applications_own_tables_are_left_alone()
    {
        await using var database = await StoreDatabase.CreateAsync();
        await database.Database.ExecuteAsync("CREATE TABLE topgun_ops (mine int PRIMARY KEY); INSERT INTO topgun_ops VALUES (7)");
        await using (var storage = await database.OpenAsync())
        {
            var write = Write(Of(1, ("a", "x")));
            write.Reset = true;
            await storage.WriteAsync(write);
        }
        await using (var other = await database.OpenAsync(new PostgresStoreOptions { Schema = "another \"store\"" }))
            Assert.Empty(await other.ReadAsync("a"));

        Assert.Equal(7, await database.Database.ReadAsync<int>("SELECT mine FROM public.topgun_ops"));
        Assert.Equal(1, await database.Database.ReadAsync<long>("SELECT count(*) FROM pg_class WHERE relname LIKE 'topgun%' AND relkind = 'r' AND relnamespace = 'public'::regnamespace"));
    }

    [Fact]
    public async Task A_server_that_cannot_be_reached_is_named_without_its_password()
    {
        var address = new NpgsqlConnectionStringBuilder { Host = "127.0.0.1", Port = FreePort.Next(), Username = "u", Password = "hunter2", Database = "d" };
        await using var storage = new PostgresColdStorage(
            address.ConnectionString, new PostgresStoreOptions(), TimeProvider.System,
            Microsoft.Extensions.Logging.Abstractions.NullLogger<PostgresColdStorage>.Instance);

        var failure = await Assert.ThrowsAsync<StoreUnreachableException>(async () => await storage.OpenAsync(TestContext.Current.CancellationToken));

        Assert.Equal("TGB2008", failure.Code);
        Assert.DoesNotContain("hunter2", failure.Message, StringComparison.Ordinal);
    }
}
