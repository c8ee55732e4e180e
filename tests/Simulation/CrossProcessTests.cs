using System.Diagnostics;
using Xunit;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>
/// What differs from process to process, such as the hash codes of strings, must not decide anything. <c>TOPGUN_SIM_COMPARE=1..1000</c> compares more seeds.
/// </summary>
public sealed class CrossProcessTests
{
    [Fact]
    public async Task Two_processes_leave_the_same_trace_for_a_seed()
    {
        var seeds = Environment.GetEnvironmentVariable("TOPGUN_SIM_COMPARE") ?? "5..12";
        var folder = Directory.CreateTempSubdirectory("topgun-traces-");
        try
        {
            var traces = await Task.WhenAll(RunAsync(seeds, folder, "first"), RunAsync(seeds, folder, "second"));

            Assert.Equal(traces[0], traces[1]);
            Assert.All(traces[0], trace => Assert.Contains("passed", trace));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<string[]> RunAsync(string seeds, DirectoryInfo folder, string name)
    {
        // The program beside the assembly: the running process may be `dotnet` itself.
        var program = Path.ChangeExtension(typeof(CrossProcessTests).Assembly.Location, null);
        var traces = Path.Combine(folder.FullName, name);
        var start = new ProcessStartInfo(program, ["--filter-class", "*ReplayTests"]) { RedirectStandardOutput = true };
        start.Environment["TOPGUN_SIM_SEED"] = seeds;
        start.Environment["TOPGUN_SIM_TRACES"] = traces;
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(File.Exists(traces), output);
        return await File.ReadAllLinesAsync(traces, TestContext.Current.CancellationToken);
    }
}
