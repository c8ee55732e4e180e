using System.CommandLine;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.SyncRules.Explain;

namespace TopGun.Buckets.Host;

/// <summary><c>topgun explain row</c>: why is this row in this bucket, and why not in that one.</summary>
internal static class ExplainRowCommand
{
    private static readonly Setting[] Settings = [SettingList.Rules, SettingList.Source, SettingList.SourcePasswordFile, SettingList.Publication];

    private static readonly Argument<string> Table = new("table") { Description = "The row's table, with its schema when that is not 'public'." };

    private static readonly Argument<string[]> Key = new("key")
    {
        Description = "Value of the row's primary key in the source, or its values in the order of the table.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Option<string> Row = new("--row")
    {
        Description = "The row itself as a JSON object, instead of one of the source. What it leaves out is null.",
        HelpName = "json",
    };

    private static readonly Option<string> User = new("--user")
    {
        Description = $"Tells also whether this user gets the row: {RequestOptions.UserForms}.",
        HelpName = "user",
    };

    private static readonly Option<bool> Json = new("--json") { Description = "Prints the explanation as JSON." };

    public static Command Create()
    {
        var command = new Command(
            "row",
            "Tells for one row what every query of the rules makes of it: its conditions with their values, the buckets that hold it, and what clients receive. "
            + "Changes nothing. Exit code 0: explained, 1: there is no such row, or the source is not reachable.")
        {
            Table,
            Key,
            Row,
            User,
            Json,
        };
        var request = new RequestOptions(command);
        var options = new SettingOptions(command, Settings);
        command.SetAction((given, cancellationToken) => CommandFailure.ReportAsync(
            given.InvocationConfiguration.Error, () => RunAsync(given, request, options.Reader(given), cancellationToken)));
        return command;
    }

    private static async Task<int> RunAsync(
        ParseResult given, RequestOptions requestOptions, SettingReader settings, CancellationToken cancellationToken)
    {
        var table = ReadTable(given.GetRequiredValue(Table));
        var key = given.GetValue(Key) ?? [];
        var json = given.GetValue(Row) is { } text ? ExplainedRequest.ReadObject("--row", text) : default;
        var isGiven = json.ValueKind != System.Text.Json.JsonValueKind.Undefined;
        if (isGiven == key.Length > 0)
            throw SettingException.Wrong("key", string.Join(' ', key), "given when --row is not, and only then");

        var request = given.GetValue(User) is { } user ? requestOptions.Read(given, user) : null;

        var rules = await ExplainCommand.ReadRulesAsync(settings, cancellationToken);
        var explanation = isGiven
            ? RowExplainer.Explain(rules, table.Schema, table.Name, json)
            : await ExplainAsync(rules, settings, table, key, cancellationToken);

        var buckets = request is null ? null : await RequestOptions.ExplainAsync(rules, request, settings, cancellationToken);
        if (buckets is not null)
            explanation = explanation with { User = RowOfUser.Of(explanation, buckets) };

        var output = given.InvocationConfiguration.Output;
        if (given.GetValue(Json))
            await output.WriteLineAsync(ExplanationJson.Of(explanation));
        else
            await output.WriteAsync(RowExplanationText.Of(explanation, rules.Tables));
        return ExitCode.Done;
    }

    private static async Task<RowExplanation> ExplainAsync(
        RuleSet rules, SettingReader settings, TablePattern table, IReadOnlyList<string> key, CancellationToken cancellationToken)
    {
        await using var source = SourceSettings.Open(settings);
        var (found, row) = await new ExplainedSource(source).ReadRowAsync(table, key, cancellationToken);
        return RowExplainer.Explain(rules, found, row);
    }

    private static TablePattern ReadTable(string name)
    {
        var dot = name.IndexOf('.', StringComparison.Ordinal);
        return dot < 0 ? new TablePattern("public", name) : new TablePattern(name[..dot], name[(dot + 1)..]);
    }
}
