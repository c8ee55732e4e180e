using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres;

public class PostgresClusterTests
{
    [Theory]
    [InlineData(PostgresStop.Fast)]
    [InlineData(PostgresStop.Immediate)]
    [InlineData(PostgresStop.Kill)]
    public async Task A_cluster_keeps_its_data_however_it_is_stopped(PostgresStop how)
    {
        await using var cluster = await PostgresCluster.StartAsync(cancellationToken: TestContext.Current.CancellationToken);
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)");

        await cluster.StopAsync(how);
        await cluster.StartAsync(TestContext.Current.CancellationToken);

        Assert.Equal(7, await database.ReadAsync<int>("SELECT id FROM kept"));
        Assert.Equal("logical", await database.ReadAsync<string>("SHOW wal_level"));
    }

    [Fact]
    public async Task A_database_takes_its_slots_with_it()
    {
        var database = await PostgresDatabase.CreateAsync();
        await database.ExecuteAsync("SELECT pg_create_logical_replication_slot('slot_of_' || current_database(), 'pgoutput')");
        await using var other = await PostgresDatabase.CreateAsync();

        await database.DisposeAsync();

        Assert.Equal(0L, await other.ReadAsync<long>($"SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'slot_of_{database.Name}'"));
        Assert.Equal(0L, await other.ReadAsync<long>($"SELECT count(*) FROM pg_database WHERE datname = '{database.Name}'"));
    }
}
