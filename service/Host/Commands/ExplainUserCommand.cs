using System.CommandLine;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules.Explain;

namespace TopGun.Buckets.Host;

/// <summary><c>topgun explain user</c>: which buckets does this token get, and through which rows.</summary>
internal static class ExplainUserCommand
{
    private static readonly Setting[] Settings = [SettingList.Rules, SettingList.Source, SettingList.Publication];

    private static readonly Argument<string> User = new("user")
    {
        Description = "A token as the client sends it (its signature is not checked), or its claims as a JSON object, or just the user ('sub').",
    };

    private static readonly Option<string> Parameters = new("--parameters")
    {
        Description = "Connection parameters that the client sends, as a JSON object.",
        HelpName = "json",
    };

    private static readonly Option<string[]> Subscribe = new("--subscribe")
    {
        Description = "A stream that the client subscribes to: its name, or name={\"parameter\": \"value\"}. May be repeated.",
        HelpName = "stream",
        AllowMultipleArgumentsPerToken = false,
    };

    private static readonly Option<bool> NoDefaults = new("--no-defaults")
    {
        Description = "Leaves out what every client gets without subscribing.",
    };

    private static readonly Option<bool> Json = new("--json") { Description = "Prints the explanation as JSON." };

    public static Command Create()
    {
        var command = new Command(
            "user",
            "Tells which buckets a user gets and through which rows of which tables, and where nothing was found. Looks things up in the source, by reading "
            + "the tables concerned; changes nothing. Exit code 0: explained, 1: the request fails, or the source is not reachable.")
        {
            User,
            Parameters,
            Subscribe,
            NoDefaults,
            Json,
        };
        var options = new SettingOptions(command, Settings);
        command.SetAction((given, cancellationToken) => CommandFailure.ReportAsync(
            given.InvocationConfiguration.Error, () => RunAsync(given, options.Reader(given), cancellationToken)));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult given, SettingReader settings, CancellationToken cancellationToken)
    {
        var request = ExplainedRequest.Read(
            given.GetRequiredValue(User), given.GetValue(Parameters), given.GetValue(Subscribe) ?? [], includeDefaults: !given.GetValue(NoDefaults));
        var rules = await ExplainCommand.ReadRulesAsync(settings, cancellationToken);
        var explainer = new UserExplainer(rules, request);
        var notes = explainer.Pending.Count == 0 ? [] : await SupplyAsync();
        var explanation = explainer.Explain();
        explanation = explanation with { Notes = [.. explanation.Notes, .. notes] };

        var output = given.InvocationConfiguration.Output;
        if (given.GetValue(Json))
            await output.WriteLineAsync(ExplanationJson.Of(explanation));
        else
            await output.WriteAsync(UserExplanationText.Of(explanation, request));
        return explanation.Problem is null ? ExitCode.Done : ExitCode.Failed;

        async Task<IReadOnlyList<string>> SupplyAsync()
        {
            await using var source = new NpgsqlSource(settings.Read(SettingList.Source).ConnectionString, settings.Read(SettingList.Publication));
            return await new ExplainedSource(source).SupplyAsync(rules, explainer, cancellationToken);
        }
    }
}
