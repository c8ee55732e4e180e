using Xunit;

namespace TopGun.Buckets.Tests.Simulation.Loop;

public sealed class SimLoopTests
{
    [Fact]
    public void Time_jumps_to_the_next_event()
    {
        var loop = new SimLoop(1);
        TimeSpan seen = default;

        loop.Run(
            async () =>
            {
                var start = loop.World.Time.GetTimestamp();
                await Task.Delay(TimeSpan.FromHours(3), loop.World.Time);
                seen = loop.World.Time.GetElapsedTime(start);
            },
            limit: TimeSpan.FromHours(4),
            stepLimit: 100);

        Assert.Null(loop.Failure);
        Assert.Equal(TimeSpan.FromHours(3), seen);
    }

    [Fact]
    public void Two_runs_of_a_seed_leave_the_same_trace_and_two_seeds_do_not()
    {
        Assert.Equal(Shuffle(7), Shuffle(7));
        Assert.NotEqual(Shuffle(7), Shuffle(8));
    }

    [Fact]
    public void A_process_that_is_paused_again_wakes_no_earlier()
    {
        var loop = new SimLoop(4);
        var paused = new SimActor(loop, "paused");
        var seen = new List<TimeSpan>();

        loop.Run(
            async () =>
            {
                loop.Schedule(paused, TimeSpan.FromSeconds(2), "first", () => seen.Add(new TimeSpan(loop.Now)));
                loop.Schedule(paused, TimeSpan.FromSeconds(5), "second", () => seen.Add(new TimeSpan(loop.Now)));
                paused.Pause(TimeSpan.FromSeconds(10));
                await loop.Delay(TimeSpan.FromSeconds(3)); // what is due meanwhile waits for the end of the pause
                paused.Pause(TimeSpan.FromSeconds(1));
                await loop.Delay(TimeSpan.FromSeconds(20));
            },
            limit: TimeSpan.FromMinutes(1),
            stepLimit: 100);

        Assert.Equal([TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(10)], seen);
    }

    [Fact]
    public void A_killed_actor_runs_nothing_any_more_not_even_a_finally()
    {
        var loop = new SimLoop(3);
        var victim = new SimActor(loop, "victim");
        var cleanedUp = false;

        loop.Run(
            async () =>
            {
                victim.Start("work", async () =>
                {
                    try
                    {
                        await Task.Delay(TimeSpan.FromSeconds(2), victim.Time);
                    }
                    finally
                    {
                        cleanedUp = true;
                    }
                });
                await loop.Delay(TimeSpan.FromSeconds(1));
                victim.Kill();
                await loop.Delay(TimeSpan.FromSeconds(5));
            },
            limit: TimeSpan.FromMinutes(1),
            stepLimit: 100);

        Assert.Null(loop.Failure);
        Assert.False(cleanedUp);
    }

    [Fact]
    public void Waiting_for_what_never_comes_is_reported_as_a_stall()
    {
        var loop = new SimLoop(4);

        loop.Run(() => new TaskCompletionSource().Task, limit: TimeSpan.FromMinutes(1), stepLimit: 100);

        Assert.Equal("C-LIVE", loop.Failure?.Checker);
    }

    [Fact]
    public void A_step_on_another_thread_is_reported()
    {
        var loop = new SimLoop(5);

        loop.Run(() => Escape(), limit: TimeSpan.FromMinutes(1), stepLimit: 1000);

        Assert.Equal("DETERMINISM", loop.Failure?.Checker);

        static async Task Escape()
        {
            var actor = SynchronizationContext.Current!;
            var other = new Thread(() => actor.Post(_ => { }, null));
            other.Start();
            other.Join();
            await Task.Yield();
        }
    }

    private static ulong Shuffle(ulong seed)
    {
        var loop = new SimLoop(seed);
        var order = new List<int>();
        loop.Run(
            async () =>
            {
                for (var index = 0; index < 20; index++)
                {
                    var number = index;
                    loop.Schedule(loop.World, TimeSpan.FromSeconds(1), "item", () => order.Add(number));
                }
                await loop.Delay(TimeSpan.FromSeconds(2));
                loop.Record("test", "order", string.Join(',', order));
            },
            limit: TimeSpan.FromMinutes(1),
            stepLimit: 1000);
        return loop.Trace.Hash;
    }
}
