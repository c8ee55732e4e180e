using System.CommandLine;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.BucketLog;

namespace TopGun.Buckets.Host;

/// <summary><c>topgun compact</c>: for those who do not want to wait until a running service finds it worth it.</summary>
internal static class CompactCommand
{
    public static Command Create()
    {
        var command = new Command(
            "compact",
            "Drops everything redundant from the store folder of a stopped service and gives its room back. Where a few old rows keep a long start of a "
            + "bucket, they are moved to its end, and devices that have them download them once more. A running service compacts by itself, each "
            + "bucket when half of it is redundant; its store cannot be opened by anybody else.");
        var options = new SettingOptions(command, [SettingList.StorePath]);
        command.SetAction((given, cancellationToken) => CommandFailure.ReportAsync(
            given.InvocationConfiguration.Error,
            () => RunAsync(options.Reader(given).Read(SettingList.StorePath), given.InvocationConfiguration.Output, cancellationToken)));
        return command;
    }

    private static async Task<int> RunAsync(string folder, TextWriter output, CancellationToken cancellationToken)
    {
        await using var storage = await StoppedStore.OpenAsync(folder, cancellationToken);
        var before = StoppedStore.SizeOf(folder);
        var environment = new BucketLogEnvironment(TimeProvider.System, Random.Shared, NullLogger<BucketLogWriter>.Instance);
        var report = await StoreCompactor.CompactAsync(storage, new BucketLogOptions(), environment, cancellationToken);
        await storage.ReclaimAsync(cancellationToken);
        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"{folder}: {report.Buckets} buckets compacted, {report.OpsBefore} operations are {report.OpsAfter} now; {before} bytes on disk are {StoppedStore.SizeOf(folder)}."));
        return ExitCode.Done;
    }
}
