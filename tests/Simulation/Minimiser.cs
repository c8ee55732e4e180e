namespace TopGun.Buckets.Tests.Simulation;

/// <summary>Makes a case that fails smaller: leaves out phases, kinds of faults, single faults, clients and writers, as long as the same checker fails.</summary>
internal sealed class Minimiser
{
    private readonly string _checker;
    private SimulationResult _smallest;

    private Minimiser(SimulationResult failed)
    {
        _smallest = failed;
        _checker = failed.Failure!.Checker;
    }

    /// <summary>Number of runs that it took.</summary>
    public int Runs { get; private set; }

    /// <param name="scenario">The case.</param>
    /// <returns>The smallest case found and how many runs it took; null when the case does not fail.</returns>
    public static (SimulationResult Smallest, int Runs)? Run(Scenario scenario)
    {
        var result = World.Run(scenario);
        if (result.Failure is null)
            return null;
        var minimiser = new Minimiser(result);
        minimiser.Reduce();
        return (minimiser._smallest, minimiser.Runs);
    }

    private void Reduce()
    {
        LeaveOut(
            [.. Enumerable.Range(1, _smallest.Phases).Except(_smallest.Scenario.Calm)],
            static (scenario, phases) => scenario with { Calm = [.. scenario.Calm, .. phases] });
        LeaveOut(
            [.. Enum.GetValues<Fault>().Except(_smallest.Scenario.Without)],
            static (scenario, kinds) => scenario with { Without = [.. scenario.Without, .. kinds] });
        LeaveOut(
            _smallest.Strikes,
            static (scenario, strikes) => scenario with { Spared = [.. scenario.Spared, .. strikes] });
        for (var clients = 1; clients <= 2 && !Try(_smallest.Scenario with { Clients = clients }); clients++)
        {
        }
        for (var writers = 0; writers <= 3 && !Try(_smallest.Scenario with { Writers = writers }); writers++)
        {
        }
    }

    /// <summary>Leaves out as many as possible: all, then halves, then quarters, down to single ones.</summary>
    private void LeaveOut<T>(IReadOnlyList<T> candidates, Func<Scenario, IEnumerable<T>, Scenario> without)
    {
        var left = candidates.ToList();
        for (var size = left.Count; size > 0; size /= 2)
        {
            for (var start = 0; start < left.Count;)
            {
                var part = left.Skip(start).Take(size).ToList();
                if (Try(without(_smallest.Scenario, part)))
                    left.RemoveRange(start, part.Count);
                else
                    start += part.Count;
            }
        }
    }

    private bool Try(Scenario scenario)
    {
        Runs++;
        var result = World.Run(scenario);
        if (result.Failure?.Checker != _checker)
            return false;
        _smallest = result;
        return true;
    }
}
