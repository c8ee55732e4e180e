using System.CommandLine;
using System.Text.Json;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary><c>topgun validate</c>: checks a rules file and shows each finding in its place.</summary>
internal static class ValidateCommand
{
    private static readonly Argument<string> File = new("file") { Description = "The rules file." };

    private static readonly Option<bool> Json = new("--json") { Description = "Prints the findings as JSON." };

    public static Command Create()
    {
        var command = new Command("validate", "Checks a rules file. Exit code 0: accepted, 1: refused, 2: unreadable.") { File, Json };
        command.SetAction((given, cancellationToken) => CommandFailure.ReportAsync(
            given.InvocationConfiguration.Error, () => RunAsync(given, cancellationToken)));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult given, CancellationToken cancellationToken)
    {
        var path = given.GetRequiredValue(File);
        var yaml = await RulesFile.ReadTextAsync(path, cancellationToken);
        var result = RuleSet.Parse(yaml, new RuleSetOptions());
        var output = given.InvocationConfiguration.Output;

        if (given.GetValue(Json))
            await output.WriteLineAsync(AsJson(result));
        else
            await new FindingText(path, yaml).WriteAsync(output, result);
        return result.Rules is null ? ExitCode.Failed : ExitCode.Done;
    }

    private static string AsJson(RuleSetResult result)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteBoolean("valid", result.Rules is not null);
            json.WriteStartArray("findings");
            foreach (var finding in result.Findings)
            {
                json.WriteStartObject();
                json.WriteString("severity", finding.Severity == RuleSeverity.Error ? "error" : "warning");
                json.WriteString("code", finding.Code);
                json.WriteString("class", finding.Class);
                json.WriteString("message", finding.Message);
                json.WriteNumber("line", finding.Line);
                json.WriteNumber("column", finding.Column);
                json.WriteNumber("length", finding.Length);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return System.Text.Encoding.UTF8.GetString(bytes.ToArray());
    }
}
