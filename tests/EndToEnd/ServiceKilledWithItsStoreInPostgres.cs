using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>The store in the database that is replicated, with a reader beside the service that is killed.</summary>
public sealed class ServiceKilledWithItsStoreInPostgres : ServiceKilled
{
    [Theory]
    [InlineData("memory", 15)]
    [InlineData("durable", 5)]
    public Task Killed_at_random_moments_under_write_load_it_loses_and_repeats_nothing(string publish, int kills) => RunAsync("postgres", publish, kills);
}
