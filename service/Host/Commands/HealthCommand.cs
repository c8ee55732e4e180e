using System.CommandLine;

namespace TopGun.Buckets.Host;

/// <summary><c>topgun health</c>: asks a running service whether it is ready. For container engines: the image holds no other HTTP client.</summary>
internal static class HealthCommand
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(4);

    public static Command Create()
    {
        var command = new Command("health", "Asks the service at the listen address whether it is ready. Exit code 0: ready, 1: not.");
        var options = new SettingOptions(command, [SettingList.Listen]);
        command.SetAction((given, cancellationToken) => CommandFailure.ReportAsync(
            given.InvocationConfiguration.Error,
            () => RunAsync(options.Reader(given).Read(SettingList.Listen), given.InvocationConfiguration.Output, cancellationToken)));
        return command;
    }

    private static async Task<int> RunAsync(Uri listen, TextWriter output, CancellationToken cancellationToken)
    {
        var probe = LocalService.AddressOf(listen, "/probes/readiness");
        using var http = LocalService.CreateClient(Limit);
        try
        {
            using var response = await http.GetAsync(probe, cancellationToken);
            await output.WriteLineAsync(response.IsSuccessStatusCode ? "ready" : "not ready");
            return response.IsSuccessStatusCode ? ExitCode.Done : ExitCode.Failed;
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException)
        {
            await output.WriteLineAsync($"not reachable at {probe}");
            return ExitCode.Failed;
        }
    }
}
