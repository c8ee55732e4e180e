using System.CommandLine;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.SyncRules.Explain;

namespace TopGun.Buckets.Host;

/// <summary>Command line options that say what a client asks for beside who it is.</summary>
internal sealed class RequestOptions
{
    /// <summary>How a user is given, for descriptions.</summary>
    public const string UserForms = "a token as the client sends it (its signature is not checked), or its claims as a JSON object, or just the user ('sub')";

    private readonly Option<string> _parameters = new("--parameters")
    {
        Description = "Connection parameters that the client sends, as a JSON object.",
        HelpName = "json",
    };

    private readonly Option<string[]> _subscribe = new("--subscribe")
    {
        Description = "A stream that the client subscribes to: its name, or name={\"parameter\": \"value\"}. May be repeated.",
        HelpName = "stream",
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Option<bool> _noDefaults = new("--no-defaults")
    {
        Description = "Leaves out what every client gets without subscribing.",
    };

    /// <summary>Adds the options to a command.</summary>
    public RequestOptions(Command command)
    {
        command.Options.Add(_parameters);
        command.Options.Add(_subscribe);
        command.Options.Add(_noDefaults);
    }

    /// <exception cref="SettingException">Something cannot be read.</exception>
    public BucketRequest Read(ParseResult given, string user) => ExplainedRequest.Read(
        user, given.GetValue(_parameters), given.GetValue(_subscribe) ?? [], includeDefaults: !given.GetValue(_noDefaults));

    /// <summary>Explains the request, with the source's help where something has to be looked up.</summary>
    public static async Task<UserExplanation> ExplainAsync(RuleSet rules, BucketRequest request, SettingReader settings, CancellationToken cancellationToken)
    {
        var explainer = new UserExplainer(rules, request);
        if (explainer.Pending.Count == 0)
            return explainer.Explain();
        await using var source = SourceSettings.Open(settings);
        var notes = await new ExplainedSource(source).SupplyAsync(rules, explainer, cancellationToken);
        var explanation = explainer.Explain();
        return explanation with { Notes = [.. explanation.Notes, .. notes] };
    }
}
