using System.Net;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>The wall clock of the service's machine jumps: tokens are judged by it, and nothing else.</summary>
public class ClockJumps
{
    private const string OtherClock =
        """
        int clock_gettime(clockid_t clock, struct timespec *time)
        {
            static int (*real)(clockid_t, struct timespec *);
            if (!real)
                real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
            int result = real(clock, time);
            if (result == 0 && number && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
                time->tv_sec += *number;
            return result;
        }
        """;

    [Fact]
    public async Task What_goes_on_goes_on_and_only_tokens_are_judged_by_the_wall_clock()
    {
        using var clock = await PreloadedLibrary.CompileAsync(OtherClock);
        await using var demo = await DemoService.StartAsync(clock.Settings);
        var history = new OpHistory();
        await using (var ann = new ProtocolClient(demo.Process.Url, "ann", history).Start())
        {
            await ann.WaitForAsync("todos", "title", "Milk");

            foreach (var jump in (TimeSpan[])[TimeSpan.FromDays(-1), TimeSpan.Zero, TimeSpan.FromHours(-1), TimeSpan.FromDays(-1)])
            {
                clock.Set((long)jump.TotalSeconds);
                await demo.Database.ExecuteAsync($"UPDATE todos SET title = 'at {jump}' WHERE id = '{DemoService.AnnsTodo}'");
                await ann.WaitForAsync("todos", "title", $"at {jump}");
            }
            Assert.Equal(HttpStatusCode.Unauthorized, await TryAsync(demo, "bob")); // a token of tomorrow
        }

        foreach (var jump in (TimeSpan[])[TimeSpan.FromHours(2), TimeSpan.FromDays(1)])
        {
            clock.Set((long)jump.TotalSeconds);
            Assert.Equal(HttpStatusCode.Unauthorized, await TryAsync(demo, "bob")); // one that has expired
            await demo.Database.ExecuteAsync($"UPDATE todos SET title = 'at {jump}' WHERE id = '{DemoService.AnnsTodo}'");
            await ReachAsync(demo);
        }

        clock.Set(0);
        var view = await demo.Connect("ann", history).WaitForAsync("todos", "title", $"at {TimeSpan.FromDays(1)}");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.Equal(0, await demo.Process.StopAsync());
    }

    private static async Task<HttpStatusCode> TryAsync(DemoService demo, string user)
    {
        await using var client = new ProtocolClient(demo.Process.Url, user);
        using var answer = await client.OpenStreamAsync(TestContext.Current.CancellationToken);
        return answer.StatusCode;
    }

    /// <summary>Waits until everything committed so far is in the store and acknowledged.</summary>
    private static async Task ReachAsync(DemoService demo)
    {
        var committed = await demo.Database.ReadAsync<string>("SELECT pg_current_wal_lsn()::text");
        await Patience.UntilAsync(
            async () => await demo.Database.ReadAsync<bool>($"SELECT confirmed_flush_lsn >= '{committed}' FROM pg_replication_slots WHERE database = current_database()"),
            "everything is acknowledged");
    }
}
