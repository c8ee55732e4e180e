using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary><c>publish: durable</c>: nothing is visible that is not in the store.</summary>
public sealed class ServiceKilledPublishingDurably : ServiceKilled
{
    [Fact]
    public Task Killed_at_random_moments_under_write_load_it_loses_and_repeats_nothing() => RunAsync("embedded", "durable", kills: 50);
}
