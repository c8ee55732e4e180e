using System.Globalization;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Simulation.Loop;

namespace TopGun.Buckets.Tests.Simulation.Nodes;

/// <summary>
/// The fault points of one process. A quarter of them is live in a seed, and a live one fires a quarter of the times: the rare way is taken, or, while
/// things are being broken, the process gives way to others, waits, or dies.
/// </summary>
/// <param name="world">Where it is.</param>
/// <param name="actor">The process.</param>
/// <param name="life">Tells its lives apart, since each is a process of its own.</param>
/// <param name="crash">Ends the process, and has it started again later.</param>
internal sealed class SimFaultPoints(World world, string actor, int life, Action crash) : IFaultPoints
{
    private const double Share = 0.25;
    private const double Deaths = 0.01;
    private static readonly int Count = Enum.GetValues<FaultPoint>().Length;

    private readonly SimRandom _random = world.Loop.Stream(string.Create(CultureInfo.InvariantCulture, $"fault points of {actor} in life {life}"));
    private readonly bool[] _isLive = Live(world.Loop.Stream("fault points"));

    public ValueTask PassAsync(FaultPoint point) => world.IsBreaking && Fires(point) ? FireAsync(point) : ValueTask.CompletedTask;

    public bool IsForced(FaultPoint point) => Fires(point);

    private bool Fires(FaultPoint point)
    {
        if (!world.Scenario.HasFaultPoints || !_isLive[(int)point] || !_random.Chance(Share))
            return false;
        world.Counts.Fired[(int)point]++;
        return true;
    }

    private async ValueTask FireAsync(FaultPoint point)
    {
        world.Loop.Record(actor, "fault point", point.ToString());
        if (_random.Chance(Deaths))
        {
            world.Counts.DeathsAtFaultPoints++;
            crash();
            await new TaskCompletionSource().Task; // nothing of a dead process goes on
        }
        await world.Loop.Delay(
            _random.Chance(0.5) ? TimeSpan.Zero : _random.LogBetween(TimeSpan.FromMilliseconds(0.1), TimeSpan.FromMilliseconds(50)), "fault point");
    }

    /// <summary>The same for all processes of a seed.</summary>
    private static bool[] Live(SimRandom random)
    {
        var live = new bool[Count];
        for (var point = 0; point < Count; point++)
            live[point] = random.Chance(Share);
        return live;
    }
}
