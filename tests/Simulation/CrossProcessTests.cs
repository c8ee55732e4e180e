using System.Diagnostics;
using System.Text.RegularExpressions;
using Xunit;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>What differs from process to process, such as the hash codes of strings, must not decide anything.</summary>
public sealed partial class CrossProcessTests
{
    [Theory]
    [InlineData(5)]
    [InlineData(28)]
    public async Task Two_processes_leave_the_same_trace_for_a_seed(int seed)
    {
        var first = await RunAsync(seed);
        var second = await RunAsync(seed);

        Assert.Equal(first, second);
    }

    private static async Task<string> RunAsync(int seed)
    {
        // The program beside the assembly: the running process may be `dotnet` itself.
        var program = Path.ChangeExtension(typeof(CrossProcessTests).Assembly.Location, null);
        var start = new ProcessStartInfo(
            program, ["--filter-class", "*ReplayTests", "--show-live-output", "on"]) { RedirectStandardOutput = true };
        start.Environment["TOPGUN_SIM_SEED"] = seed.ToString(System.Globalization.CultureInfo.InvariantCulture);
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        var trace = Trace().Match(output);
        Assert.True(trace.Success, output);
        return trace.Value;
    }

    [GeneratedRegex("passed, [0-9]+ steps, .*trace [0-9a-f]{16}")]
    private static partial Regex Trace();
}
