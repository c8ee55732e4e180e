using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary><c>publish: memory</c>: what is visible may not be durable yet, and has to come again as it was.</summary>
public sealed class ServiceKilledPublishingFromMemory : ServiceKilled
{
    [Fact]
    public Task Killed_at_random_moments_under_write_load_it_loses_and_repeats_nothing() => RunAsync("embedded", "memory", kills: 50);
}
