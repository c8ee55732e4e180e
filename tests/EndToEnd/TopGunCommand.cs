using TopGun.Buckets.Tests.Support;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>One run of the command line, as an operator would do it.</summary>
internal static class TopGunCommand
{
    /// <summary>Runs it to its end.</summary>
    /// <returns>Exit code, and everything it printed.</returns>
    public static async Task<(int ExitCode, string Output)> RunAsync(string[] arguments, params (string Name, string Value)[] environment)
    {
        await using var process = SupervisedProcess.Start(
            "topgun", arguments, environment.ToDictionary(variable => variable.Name, variable => variable.Value), lineRead: null);
        var exitCode = await process.WaitForExitAsync();
        return (exitCode, process.Output);
    }
}
