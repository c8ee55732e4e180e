using System.CommandLine;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.SyncRules.Schema;

namespace TopGun.Buckets.Host;

/// <summary><c>topgun schema</c>: the tables of the rules as apps declare them.</summary>
internal static class SchemaCommand
{
    private static readonly Setting[] Settings = [SettingList.Rules, SettingList.Source, SettingList.SourcePasswordFile, SettingList.Publication];

    private static readonly Option<string> Language = new("--lang")
    {
        Description = "'csharp' for the .NET client, or 'json'.",
        DefaultValueFactory = _ => "csharp",
    };

    private static readonly Option<string> Namespace = new("--namespace") { Description = "Namespace of the C# class." };

    private static readonly Option<string[]> Native = new("--native")
    {
        Description = "A table that is a native SQLite table on the device, with typed columns, instead of a view; may be repeated. '*' for all. C# only.",
        DefaultValueFactory = _ => [],
    };

    public static Command Create()
    {
        var command = new Command(
            "schema",
            "Prints the client tables that the rules fill, with their columns and types. The columns of a star, and the types of columns, come from the "
            + "source; without one, stars are empty and columns are text. What could not be known is told on standard error.")
        {
            Language,
            Namespace,
            Native,
        };
        var options = new SettingOptions(command, Settings);
        command.SetAction((given, cancellationToken) => CommandFailure.ReportAsync(
            given.InvocationConfiguration.Error, () => RunAsync(given, options.Reader(given), cancellationToken)));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult given, SettingReader settings, CancellationToken cancellationToken)
    {
        var language = given.GetRequiredValue(Language);
        if (language is not ("csharp" or "json"))
            throw SettingException.Wrong("--lang", language, "'csharp' or 'json'");
        var rules = await ExplainCommand.ReadRulesAsync(settings, cancellationToken);
        var schema = ClientSchema.Of(rules, await ReadSourceAsync(settings, cancellationToken));
        var native = given.GetRequiredValue(Native);
        if (native.FirstOrDefault(name => name != "*" && schema.Tables.All(table => table.Name != name)) is { } unknown)
            throw SettingException.Wrong("--native", PlainText.Safe(unknown), "a table of the rules, or '*'");

        foreach (var note in schema.Notes)
            await given.InvocationConfiguration.Error.WriteLineAsync($"note: {PlainText.Safe(note)}");
        await given.InvocationConfiguration.Output.WriteAsync(language == "csharp"
            ? ClientSchemaText.CSharp(schema, given.GetValue(Namespace), native)
            : ClientSchemaText.Json(schema) + "\n");
        return ExitCode.Done;
    }

    private static async Task<IReadOnlyList<SourceTable>?> ReadSourceAsync(SettingReader settings, CancellationToken cancellationToken)
    {
        if (settings.Find(SettingList.Source) is null)
            return null;
        await using var source = SourceSettings.Open(settings);
        return await SourceSchema.ReadAsync(source, cancellationToken);
    }
}
