using System.CommandLine;

namespace TopGun.Buckets.Host;

/// <summary><c>topgun serve</c>: runs the service until it is told to stop.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var command = new Command("serve", "Runs the service until SIGTERM or Ctrl-C.\n\nReads from the environment, beside the flags:\n"
            + SettingOptions.WithoutFlag(SettingList.All));
        var options = new SettingOptions(command, SettingList.All);
        command.SetAction((given, cancellationToken) => CommandFailure.ReportAsync(
            given.InvocationConfiguration.Error,
            () => Service.RunAsync(ServiceSettings.Read(options.Reader(given)), cancellationToken)));
        return command;
    }
}
