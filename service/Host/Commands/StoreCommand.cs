using System.CommandLine;
using System.Globalization;
using TopGun.Buckets.BucketLog;

namespace TopGun.Buckets.Host;

/// <summary><c>topgun store copy</c>: moves a store to another place or backend.</summary>
internal static class StoreCommand
{
    private static readonly Option<string> From = new("--from")
    {
        Description = "Store to copy: the folder of an embedded store, or a database such as postgres://user:password@host/database.",
        HelpName = "store",
        Required = true,
    };

    private static readonly Option<string> To = new("--to")
    {
        Description = "Where there is no store yet: a folder or a database.",
        HelpName = "store",
        Required = true,
    };

    public static Command Create()
    {
        var copy = new Command(
            "copy",
            "Copies a store: the same buckets, operations and op ids, so that no client downloads anything again. The service must not run on either; "
            + "start it on the copy afterwards, and not on the original any more.")
        {
            From,
            To,
        };
        var options = new SettingOptions(copy, [SettingList.StoreSchema]);
        copy.SetAction((given, cancellationToken) => CommandFailure.ReportAsync(
            given.InvocationConfiguration.Error,
            () => RunAsync(given, options.Reader(given).Read(SettingList.StoreSchema), cancellationToken)));
        return new Command("store", "Works on the store of a service that does not run.") { copy };
    }

    /// <summary>What was copied, for people.</summary>
    public static string Describe(StoreTotals totals) => string.Create(
        CultureInfo.InvariantCulture,
        $"{totals.Buckets:N0} buckets, {totals.Ops:N0} operations of {totals.Bytes:N0} bytes, {totals.Records:N0} records");

    private static async Task<int> RunAsync(ParseResult given, string schema, CancellationToken cancellationToken)
    {
        var from = StoreAddress.Parse("--from", given.GetRequiredValue(From), schema);
        var to = StoreAddress.Parse("--to", given.GetRequiredValue(To), schema);
        await using var source = await from.OpenAsync(create: false, cancellationToken);
        await using var target = await to.OpenAsync(create: true, cancellationToken);
        var totals = await StoreCopy.RunAsync(source, target, asNewGeneration: null, cancellationToken);
        await given.InvocationConfiguration.Output.WriteLineAsync(
            $"Copied from {from} to {to}, and read back: {Describe(totals)}. Start the service on the copy now, and never again on the original.");
        return ExitCode.Done;
    }
}
