using System.Collections.Concurrent;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>Runs many seeds, one thread each: worlds share nothing.</summary>
internal static class Sweep
{
    public static IReadOnlyList<SimulationResult> Run(IEnumerable<Scenario> scenarios)
    {
        var results = new ConcurrentBag<SimulationResult>();
        Parallel.ForEach(
            Partitioner.Create(scenarios, EnumerablePartitionerOptions.NoBuffering),
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
            scenario => results.Add(World.Run(scenario)));
        return [.. results.OrderBy(result => result.Seed)];
    }
}
