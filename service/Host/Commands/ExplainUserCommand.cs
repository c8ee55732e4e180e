using System.CommandLine;
using TopGun.Buckets.SyncRules.Explain;

namespace TopGun.Buckets.Host;

/// <summary><c>topgun explain user</c>: which buckets does this token get, and through which rows.</summary>
internal static class ExplainUserCommand
{
    private static readonly Setting[] Settings = [SettingList.Rules, SettingList.Source, SettingList.SourcePasswordFile, SettingList.Publication];

    private static readonly Argument<string> User = new("user") { Description = $"The user: {RequestOptions.UserForms}." };

    private static readonly Option<bool> Json = new("--json") { Description = "Prints the explanation as JSON." };

    public static Command Create()
    {
        var command = new Command(
            "user",
            "Tells which buckets a user gets and through which rows of which tables, and where nothing was found. Looks things up in the source, by reading "
            + "the tables concerned; changes nothing. Exit code 0: explained, 1: the request fails, or the source is not reachable.")
        {
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
        var request = requestOptions.Read(given, given.GetRequiredValue(User));
        var rules = await ExplainCommand.ReadRulesAsync(settings, cancellationToken);
        var explanation = await RequestOptions.ExplainAsync(rules, request, settings, cancellationToken);

        var output = given.InvocationConfiguration.Output;
        if (given.GetValue(Json))
            await output.WriteLineAsync(ExplanationJson.Of(explanation));
        else
            await output.WriteAsync(UserExplanationText.Of(explanation, request));
        return explanation.Problem is null ? ExitCode.Done : ExitCode.Failed;
    }
}
