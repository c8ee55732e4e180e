using System.CommandLine;
using System.Globalization;
using TopGun.Buckets.BucketLog;

namespace TopGun.Buckets.Host;

/// <summary><c>topgun verify</c>: reads all of a stopped store and tells whatever does not agree.</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        var command = new Command(
            "verify",
            "Reads everything in the store folder of a stopped service, checks every checksum, and compares each bucket with its totals. Exit code 0: all "
            + "agrees, 1: something is damaged.");
        var options = new SettingOptions(command, [SettingList.StorePath]);
        command.SetAction((given, cancellationToken) => CommandFailure.ReportAsync(
            given.InvocationConfiguration.Error,
            () => RunAsync(options.Reader(given).Read(SettingList.StorePath), given.InvocationConfiguration.Output, cancellationToken)));
        return command;
    }

    private static async Task<int> RunAsync(string folder, TextWriter output, CancellationToken cancellationToken)
    {
        await using var storage = await StoppedStore.OpenAsync(folder, cancellationToken);
        var report = await StoreVerifier.VerifyAsync(storage, cancellationToken);
        foreach (var damage in report.Damage)
            await output.WriteLineAsync($"damaged  {damage.Place}: {damage.Finding}");
        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"{folder}: {report.Buckets} buckets with {report.Ops} operations of {report.Bytes} bytes, {report.Records} records; {(report.Damage.Count == 0 ? "everything agrees" : $"{report.Damage.Count} of them are damaged")}."));
        return report.Damage.Count == 0 ? ExitCode.Done : ExitCode.Failed;
    }
}
