using System.Globalization;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>The source goes to another address, as after a failover of a managed server, and its name with it.</summary>
public class SourceMoves
{
    private const string Name = "source.topgun.test";

    [Fact]
    public async Task The_name_is_looked_up_again_when_the_connection_is_lost()
    {
        HostsFile.SkipWithoutNamespaces();
        await using var cluster = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Settings = new Dictionary<string, string> { ["listen_addresses"] = "127.0.0.1,127.0.0.2" } },
            TestContext.Current.CancellationToken);
        using var hosts = new HostsFile();
        hosts.Set(Name, "127.0.0.2");
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync(DemoService.Schema);
        await using var service = new ServiceProcess(SourceUri(cluster, database), DemoService.Rules) { Through = hosts.Through };
        await service.StartAsync();
        await using var ann = new ProtocolClient(service.Url, "ann").Start();
        await ann.WaitForAsync("todos", "title", "Milk");

        await cluster.StopAsync();
        cluster.Configure([new("listen_addresses", "127.0.0.1")]); // nobody is at the old address any more
        await cluster.StartAsync(TestContext.Current.CancellationToken);
        hosts.Set(Name, "127.0.0.1");
        await database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");

        await ann.WaitForAsync("todos", "title", "Oat milk");
        Assert.Equal(0, ann.DroppedBuckets);
    }

    private static string SourceUri(PostgresCluster cluster, PostgresDatabase database) =>
        string.Create(CultureInfo.InvariantCulture, $"postgres://postgres@{Name}:{cluster.Port}/{database.Name}?sslmode=disable");
}
