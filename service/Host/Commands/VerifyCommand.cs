using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using TopGun.Buckets.BucketLog;

namespace TopGun.Buckets.Host;

/// <summary><c>topgun verify</c>: reads a whole store and compares every bucket with its totals.</summary>
internal static partial class VerifyCommand
{
    private static readonly Setting[] Configured = [SettingList.StoreBackend, SettingList.StorePath, SettingList.StoreDatabase, SettingList.StoreSchema];

    private static readonly Option<string> Store = new("--store")
    {
        Description = "Store or backup to check, a folder or a database; without it the one of the settings.",
        HelpName = "store",
    };

    private static readonly Option<bool> Json = new("--json") { Description = "Prints the result as JSON." };

    public static Command Create()
    {
        var command = new Command(
            "verify",
            "Reads every record and every operation of a store, and compares each bucket's operations with its totals. A store in Postgres may be in use "
            + "meanwhile; an embedded one must not. Exit code 0: all is well, 1: something is damaged, or the store cannot be opened.")
        {
            Store,
            Json,
        };
        var options = new SettingOptions(command, Configured);
        command.SetAction((given, cancellationToken) => CommandFailure.ReportAsync(
            given.InvocationConfiguration.Error, () => RunAsync(given, options.Reader(given), cancellationToken)));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult given, SettingReader settings, CancellationToken cancellationToken)
    {
        var address = given.GetValue(Store) is { } text
            ? StoreAddress.Parse("--store", text, settings.Read(SettingList.StoreSchema))
            : StoreAddress.Configured(settings);
        await using var storage = await address.OpenToReadAsync(cancellationToken);
        var report = await StoreVerifier.VerifyAsync(storage, cancellationToken);
        var output = given.InvocationConfiguration.Output;
        if (given.GetValue(Json))
        {
            await output.WriteLineAsync(JsonSerializer.Serialize(
                new Result(address.ToString()!, report.Buckets, report.Ops, report.Bytes, report.Records, report.Damage), VerifyJsonContext.Default.Result));
            return report.Damage.Count == 0 ? ExitCode.Done : ExitCode.Failed;
        }
        foreach (var damage in report.Damage)
            await output.WriteLineAsync($"damaged  {damage.Place}: {damage.Finding}");
        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"{address}: {report.Buckets} buckets with {report.Ops} operations of {report.Bytes} bytes, {report.Records} records; {(report.Damage.Count == 0 ? "everything agrees" : $"{report.Damage.Count} of them are damaged")}."));
        return report.Damage.Count == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    internal sealed record Result(
        string Store, long Buckets, long Operations, long Bytes, long Records, IReadOnlyList<StoreDamage> Damage);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(Result))]
    internal sealed partial class VerifyJsonContext : JsonSerializerContext;
}
