using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Streaming;
using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.Streaming.Sessions;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Streaming;

public class SessionLimitsTests
{
    private readonly StreamingOptions _options = new() { MaxSessions = 4, MaxSessionsPerUser = 2, MaxSessionsPerAddress = 2 };

    [Fact]
    public void Each_limit_is_kept_and_a_place_given_back_is_free_again()
    {
        var limits = Limits();
        var first = limits.Take("ann", null);
        limits.Take("ann", null);

        Refused(limits, "ann", null);
        first.Leave(opsSent: 0);
        limits.Take("ann", null);
        limits.Take("bob", null);
        limits.Take("cid", null);
        Refused(limits, "dora", null);
    }

    [Theory]
    [InlineData("8.8.8.8", "8.8.8.8", true)]
    [InlineData("8.8.8.8", "::ffff:8.8.8.8", true)]
    [InlineData("8.8.8.8", "8.8.4.4", false)]
    [InlineData("2a00:1450:1:2::1", "2a00:1450:1:2:ffff::9", true)]
    [InlineData("2a00:1450:1:2::1", "2a00:1450:1:3::1", false)]
    [InlineData("127.0.0.1", "127.0.0.1", false)] // a proxy on this host
    [InlineData("10.1.2.3", "10.1.2.3", false)]
    public void An_address_of_the_world_is_counted(string address, string other, bool isOne)
    {
        var limits = Limits();
        limits.Take("ann", IPAddress.Parse(address));
        limits.Take("bob", IPAddress.Parse(address));

        if (isOne)
            Refused(limits, "cid", IPAddress.Parse(other));
        else
            limits.Take("cid", IPAddress.Parse(other));
    }

    [Fact]
    public async Task Turns_are_taken_one_after_the_other_and_the_queue_has_an_end()
    {
        using var admission = new Admission(Options.Create(new StreamingOptions { MaxOpening = 1, MaxWaiting = 1 }));
        var first = await admission.WaitAsync(TestContext.Current.CancellationToken);
        var second = admission.WaitAsync(TestContext.Current.CancellationToken).AsTask();

        var refusal = await Assert.ThrowsAsync<SyncException>(async () => await admission.WaitAsync(TestContext.Current.CancellationToken));
        Assert.False(second.IsCompleted);
        first.Dispose();
        first.Dispose(); // a second time lets nobody in
        var turn = await second;
        var third = admission.WaitAsync(TestContext.Current.CancellationToken).AsTask();

        Assert.Equal(429, refusal.Status);
        Assert.InRange(refusal.RetryAfterSeconds!.Value, 3, 10);
        Assert.False(third.IsCompleted);
        turn.Dispose();
        (await third).Dispose();
    }

    private static void Refused(SessionLimits limits, string subject, IPAddress? address)
    {
        Assert.Equal("PSYNC_S2304", Assert.Throws<SyncException>(() => limits.ThrowIfFull(subject, address)).WireCode);
        Assert.Equal(429, Assert.Throws<SyncException>(() => limits.Take(subject, address)).Status);
    }

    private SessionLimits Limits()
    {
        var services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        var metrics = new StreamingMetrics(services.GetRequiredService<IMeterFactory>(), new BucketGrid(new GridOptions(), TimeProvider.System), TimeProvider.System);
        return new SessionLimits(Options.Create(_options), metrics, new RunningHost());
    }

    private sealed class RunningHost : IHostApplicationLifetime
    {
        public CancellationToken ApplicationStarted => CancellationToken.None;

        public CancellationToken ApplicationStopping => CancellationToken.None;

        public CancellationToken ApplicationStopped => CancellationToken.None;

        public void StopApplication()
        {
        }
    }
}
