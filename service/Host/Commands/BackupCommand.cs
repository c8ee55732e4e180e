using System.CommandLine;
using TopGun.Buckets.BucketLog;

namespace TopGun.Buckets.Host;

/// <summary><c>topgun backup</c> and <c>topgun restore</c>: a backup is an embedded store in a folder of its own.</summary>
internal static class BackupCommand
{
    private static readonly Setting[] Store = [SettingList.StoreBackend, SettingList.StorePath, SettingList.StoreDatabase, SettingList.StoreSchema];

    private static readonly Option<string> To = new("--to")
    {
        Description = "Folder for the backup, which must not exist yet.",
        HelpName = "folder",
        Required = true,
    };

    private static readonly Option<string> From = new("--from")
    {
        Description = "Folder of the backup.",
        HelpName = "folder",
        Required = true,
    };

    public static Command CreateBackup()
    {
        var command = new Command(
            "backup",
            "Writes the store into a folder, as of one moment. A store in Postgres may be in use meanwhile; an embedded one must not. "
            + "'topgun verify --store FOLDER' checks a backup.")
        {
            To,
        };
        var options = new SettingOptions(command, Store);
        command.SetAction((given, cancellationToken) => CommandFailure.ReportAsync(
            given.InvocationConfiguration.Error, () => BackUpAsync(given, options.Reader(given), cancellationToken)));
        return command;
    }

    public static Command CreateRestore()
    {
        var command = new Command(
            "restore",
            "Fills a store from a backup, where there is none. It goes on under an identity of its own and above every op id that may have been given out "
            + "since the backup, so clients that have seen more are safe: they download anew what differs, and nothing else.")
        {
            From,
        };
        var options = new SettingOptions(command, Store);
        command.SetAction((given, cancellationToken) => CommandFailure.ReportAsync(
            given.InvocationConfiguration.Error, () => RestoreAsync(given, options.Reader(given), cancellationToken)));
        return command;
    }

    private static async Task<int> BackUpAsync(ParseResult given, SettingReader settings, CancellationToken cancellationToken)
    {
        var from = StoreAddress.Configured(settings);
        var to = new StoreAddress.Folder(given.GetRequiredValue(To));
        await using var source = await from.OpenToReadAsync(cancellationToken);
        await using var target = await to.OpenAsync(create: true, cancellationToken);
        var totals = await StoreCopy.RunAsync(source, target, asNewGeneration: null, cancellationToken);
        await given.InvocationConfiguration.Output.WriteLineAsync($"Backed up {from} to {to}, and read back: {StoreCommand.Describe(totals)}.");
        return ExitCode.Done;
    }

    private static async Task<int> RestoreAsync(ParseResult given, SettingReader settings, CancellationToken cancellationToken)
    {
        var from = new StoreAddress.Folder(given.GetRequiredValue(From));
        var to = StoreAddress.Configured(settings);
        await using var source = await from.OpenAsync(create: false, cancellationToken);
        await using var target = await to.OpenAsync(create: true, cancellationToken);
        var totals = await StoreCopy.RunAsync(source, target, new UnguessableRandom(), cancellationToken);
        await given.InvocationConfiguration.Output.WriteLineAsync($"Restored {to} from {from}, and read back: {StoreCommand.Describe(totals)}.");
        return ExitCode.Done;
    }
}
