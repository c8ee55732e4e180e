using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Host;

/// <summary>Turns the failures that have a name into one line on standard error and an exit code.</summary>
internal static class CommandFailure
{
    public static async Task<int> ReportAsync(TextWriter error, Func<Task<int>> command)
    {
        try
        {
            return await command();
        }
        catch (BucketsException failure)
        {
            await error.WriteLineAsync($"topgun: {failure.Code}: {failure.Message}");
            return failure is SettingException ? ExitCode.Misused : ExitCode.Failed;
        }
    }
}
