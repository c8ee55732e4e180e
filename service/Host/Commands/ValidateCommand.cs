using System.CommandLine;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary><c>topgun validate</c>: checks a rules file and shows each finding in its place.</summary>
internal static class ValidateCommand
{
    private static readonly Argument<string> File = new("file") { Description = "The rules file." };

    private static readonly Option<string> SchemaFrom = new("--schema-from")
    {
        Description = "Postgres whose tables and columns the rules are compared with, such as postgres://user:password@host/database. "
            + "What is missing there is a warning.",
        HelpName = "source Postgres",
    };

    private static readonly Option<bool> Json = new("--json") { Description = "Prints the findings as JSON." };

    public static Command Create()
    {
        var command = new Command(
            "validate",
            "Checks a rules file and shows every finding in its place. Exit code 0: accepted, 1: refused, or the source is not reachable, 2: unreadable.")
        {
            File,
            SchemaFrom,
            Json,
        };
        command.SetAction((given, cancellationToken) => CommandFailure.ReportAsync(
            given.InvocationConfiguration.Error, () => RunAsync(given, cancellationToken)));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult given, CancellationToken cancellationToken)
    {
        var path = given.GetRequiredValue(File);
        var yaml = await RulesFile.ReadTextAsync(path, cancellationToken);
        var schema = given.GetValue(SchemaFrom) is { } url ? await ReadSchemaAsync(url, cancellationToken) : null;
        var result = RuleSet.Parse(yaml, new RuleSetOptions { Schema = schema });
        var output = given.InvocationConfiguration.Output;

        if (given.GetValue(Json))
            await output.WriteLineAsync(FindingJson.Of(result, yaml));
        else
            await new FindingText(path, yaml).WriteAsync(output, result);
        return result.Rules is null ? ExitCode.Failed : ExitCode.Done;
    }

    private static async Task<IReadOnlyList<SourceTable>> ReadSchemaAsync(string url, CancellationToken cancellationToken)
    {
        if (!SourceAddress.TryParse(url, out var address))
            throw SettingException.Wrong("--schema-from", SettingList.Source.Show(url).Trim('\''), SettingList.Source.Rule);
        await using var source = new NpgsqlSource(address.ConnectionString, SettingList.Publication.Default!);
        return await SourceSchema.ReadAsync(source, cancellationToken);
    }
}
