using System.Text.Json.Nodes;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>A short run of the torture that <c>tests/README.md</c> tells how to run for long.</summary>
public class ProductIsTortured
{
    [Theory]
    [InlineData(11, "KillService", "KillClient", "CutClient", "CutSource")]
    public async Task Processes_that_are_killed_and_cut_off_lose_nobody_anything(int seed, params string[] faults)
    {
        // However slow the machine is, so much happens; and only a failing run takes as long as the deadline.
        string[] arguments =
        [
            "--seed", $"{seed}", "--clients", "3", "--rate", "20", "--seconds", "3", "--resume", "1", "--deadline", $"{Patience.Limit.TotalSeconds}",
            "--faults", .. faults,
        ];
        await using var torture = SupervisedProcess.Start("torture", arguments, []);

        var exitCode = await torture.WaitForExitAsync(Patience.Limit * 5);

        Assert.True(exitCode == 0, torture.Output);
        var summary = JsonNode.Parse(torture.Output.Split('\n').Last(line => line.StartsWith('{')))!;
        Assert.Equal("Passed", (string)summary["verdict"]!);
        Assert.True((int)summary["device_transactions"]! >= 3 && (int)summary["source_transactions"]! > 0, torture.Output);
        Assert.True(summary["strikes"]!.AsObject().Sum(strike => (int)strike.Value!) >= 5, torture.Output);
        Assert.All(
            ["device state", "source state", "upload effects", "lost uploads", "wire", "processes", "resources", "catching up", "final state"],
            check => Assert.True((int?)summary["checks"]![check] > 0, torture.Output));
    }
}
