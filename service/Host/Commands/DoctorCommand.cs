using System.CommandLine;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary><c>topgun doctor</c>: looks at the source as the service would, changes nothing, and tells each finding with its remedy.</summary>
internal static class DoctorCommand
{
    private static readonly Setting[] Settings =
    [
        SettingList.Source, SettingList.SourcePasswordFile, SettingList.Rules, SettingList.Publication, SettingList.DefinitionTrigger,
        SettingList.StoreBackend, SettingList.StorePath, SettingList.StoreDatabase, SettingList.StoreSchema, SettingList.Listen, SettingList.TlsCertificate,
        SettingList.ApiToken,
    ];

    public static Command Create()
    {
        var command = new Command(
            "doctor",
            "Checks the source for what replication needs: wal_level, room for a slot and a sender, publication, privileges, and the replica "
            + "identity of every table that the rules use; and lists what is damaged in the store and the rows that are left out, from the store or from the service "
            + "that has it. Changes nothing. "
            + "Exit code 0: all is well, 1: something is in the way.\n\nReads from the environment:\n" + SettingOptions.WithoutFlag([SettingList.ApiToken]));
        var options = new SettingOptions(command, Settings);
        command.SetAction((given, cancellationToken) => CommandFailure.ReportAsync(
            given.InvocationConfiguration.Error,
            () => RunAsync(options.Reader(given), given.InvocationConfiguration.Output, cancellationToken)));
        return command;
    }

    private static async Task<int> RunAsync(SettingReader settings, TextWriter output, CancellationToken cancellationToken)
    {
        var address = settings.Read(SettingList.Source);
        var publication = settings.Read(SettingList.Publication);
        var path = settings.Read(SettingList.Rules);
        var rules = RulesFile.Compile(path, await RulesFile.ReadTextAsync(path, cancellationToken), new RuleSetOptions());

        await using var source = SourceSettings.Open(settings);
        List<DoctorFinding> findings =
        [
            .. await SourceDoctor.CheckAsync(source, publication, rules.Tables, settings.Read(SettingList.DefinitionTrigger), cancellationToken),
            .. await StoreFindings.FindAsync(settings, cancellationToken),
        ];
        foreach (var finding in findings)
            await output.WriteLineAsync(Format(finding));

        var errors = findings.Count(finding => finding.Severity == FindingSeverity.Error);
        await output.WriteLineAsync(errors == 0
            ? $"{address}: nothing is in the way of replication."
            : $"{address}: {errors} of {findings.Count} findings are in the way of replication.");
        return errors == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private static string Format(DoctorFinding finding)
    {
        var severity = finding.Severity switch
        {
            FindingSeverity.Ok => "ok     ",
            FindingSeverity.Warning => "warning",
            _ => "error  ",
        };
        var remedy = finding.Remedy is null ? "" : $"\n                  {finding.Remedy}";
        return $"{severity}  {finding.Code}  {finding.Sentence}{remedy}";
    }
}
