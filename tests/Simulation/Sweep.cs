using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>Runs many seeds, one thread each: worlds share nothing.</summary>
internal static class Sweep
{
    private static readonly int Cores = Environment.ProcessorCount;

    public static IReadOnlyList<SimulationResult> Run(IEnumerable<Scenario> scenarios)
    {
        var results = new ConcurrentBag<SimulationResult>();
        Parallel.ForEach(
            Partitioner.Create(scenarios, EnumerablePartitionerOptions.NoBuffering),
            new ParallelOptions { MaxDegreeOfParallelism = Cores },
            scenario => results.Add(World.Run(scenario)));
        return [.. results.OrderBy(result => result.Seed)];
    }

    /// <summary>Runs seeds from a first one on until the time is up; those that are under way then are run to their ends.</summary>
    public static IReadOnlyList<SimulationResult> Run(ulong firstSeed, TimeSpan time)
    {
        var watch = Stopwatch.StartNew();
        return Run(Seeds().TakeWhile(_ => watch.Elapsed < time).Select(static seed => new Scenario(seed)));

        IEnumerable<ulong> Seeds()
        {
            for (var seed = firstSeed; ; seed++)
                yield return seed;
        }
    }

    /// <summary>What happened in all of them, and how fast: per minute of one core that the process has had, for this and for all before it.</summary>
    public static string Summarise(IReadOnlyList<SimulationResult> results, TimeSpan wall)
    {
        var longest = results.MaxBy(result => result.Steps)!;
        var simulated = TimeSpan.FromTicks(results.Sum(result => result.VirtualTime.Ticks));
        var speed = simulated.TotalHours / Environment.CpuUsage.TotalTime.TotalMinutes;
        return string.Create(CultureInfo.InvariantCulture, $"""
            {results.Count} seeds, {simulated.TotalHours:F2} simulated hours in {wall.TotalSeconds:F1} s ({speed:F3} hours per minute and core), {results.Sum(result => result.Steps)} steps, {longest.Steps} of them of seed {longest.Seed}
            {results.Sum(result => result.Counts.Commits)} commits, {results.Sum(result => result.Counts.Operations)} operations, {results.Sum(result => result.Counts.Checkpoints)} checkpoints shown, {results.Sum(result => result.Counts.Uploads)} uploads, {results.Sum(result => result.Counts.Acknowledgements)} acknowledgements, {results.Sum(result => result.Counts.Rewrites)} ranges compacted, {results.Sum(result => result.Counts.Activations)} deployments in force
            {results.Sum(result => result.Counts.ServiceCrashes)} crashes of the service ({results.Sum(result => result.Counts.CrashesBeforeDurable)} between published and durable), {results.Sum(result => result.Counts.ClientCrashes)} of clients, {results.Sum(result => result.Counts.OtherFaults)} other faults
            at fault points {results.Sum(result => result.Counts.DeathsAtFaultPoints)} processes died; fired: {string.Join(", ", Enum.GetValues<FaultPoint>().Select(point => $"{point} {results.Sum(result => result.Counts.Fired[(int)point])}"))}
            """);
    }
}
