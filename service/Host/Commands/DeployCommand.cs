using System.CommandLine;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace TopGun.Buckets.Host;

/// <summary><c>topgun deploy</c>: brings a rules file into force on a running service and shows how far that is.</summary>
internal static class DeployCommand
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    private static readonly Argument<string> File = new("file") { Description = "The rules file." };

    private static readonly Option<string> Url = new("--url")
    {
        Description = "Address of the service, such as https://sync.example.com.",
        HelpName = "address",
        Required = true,
    };

    private static readonly Option<bool> NoWait = new("--no-wait") { Description = "Ends as soon as the service has taken the file, not when it is in force." };

    public static Command Create()
    {
        var command = new Command(
            "deploy",
            "Brings a rules file into force on a running service, without its clients losing or downloading what they have. Exit code 0: in force, 1: refused "
            + "or not reachable.\n\nReads from the environment:\n" + SettingOptions.WithoutFlag([SettingList.ApiToken]))
        {
            File,
            Url,
            NoWait,
        };
        var options = new SettingOptions(command, [SettingList.ApiToken]);
        command.SetAction((given, cancellationToken) => CommandFailure.ReportAsync(
            given.InvocationConfiguration.Error, () => RunAsync(given, options.Reader(given).Read(SettingList.ApiToken), cancellationToken)));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult given, string token, CancellationToken cancellationToken)
    {
        var (output, error) = (given.InvocationConfiguration.Output, given.InvocationConfiguration.Error);
        var yaml = await RulesFile.ReadTextAsync(given.GetRequiredValue(File), cancellationToken);
        if (!Uri.TryCreate(given.GetRequiredValue(Url), UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
            throw SettingException.Wrong("--url", given.GetRequiredValue(Url), "an http:// or https:// address");
        using var http = new HttpClient { BaseAddress = url, Timeout = TimeSpan.FromMinutes(10) }; // the stream may have a lot to catch up with first
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        try
        {
            using var content = new StringContent(yaml, Encoding.UTF8, "application/yaml");
            using var response = await http.PutAsync(new Uri("/api/sync-rules/v1/deploy", UriKind.Relative), content, cancellationToken);
            var body = JsonNode.Parse(await response.Content.ReadAsStringAsync(cancellationToken));
            if (!response.IsSuccessStatusCode)
            {
                await error.WriteLineAsync($"[{body?["error"]?["code"]}] {body?["error"]?["description"]}\n{body?["error"]?["details"]}".TrimEnd());
                return ExitCode.Failed;
            }
            var deployed = body!["data"]!;
            foreach (var warning in deployed["warnings"]!.AsArray())
                await output.WriteLineAsync($"{warning}");
            await output.WriteLineAsync($"rules {deployed["number"]}: {deployed["outcome"]}");
            return given.GetValue(NoWait) || await WaitAsync(http, deployed["number"]!.GetValue<int>(), output, cancellationToken) ? ExitCode.Done : ExitCode.Failed;
        }
        catch (Exception failure) when (failure is HttpRequestException or JsonException)
        {
            await error.WriteLineAsync($"{url} does not answer as the service does: {failure.Message}");
            return ExitCode.Failed;
        }
    }

    /// <summary>Shows the progress until the rules are in force; false when others took their place before.</summary>
    private static async Task<bool> WaitAsync(HttpClient http, int number, TextWriter output, CancellationToken cancellationToken)
    {
        var shown = "";
        while (true)
        {
            var body = JsonNode.Parse(await http.GetStringAsync(new Uri("/api/sync-rules/v1/current", UriKind.Relative), cancellationToken));
            var progress = body!["data"]!["deployment"]!;
            if (progress["active"]!.GetValue<int>() >= number)
            {
                await output.WriteLineAsync($"rules {progress["active"]} are in force");
                return progress["active"]!.GetValue<int>() == number;
            }
            var text = $"{progress["phase"]}: {progress["rows_done"]} of about {progress["rows_total"]} rows";
            if (text != shown)
                await output.WriteLineAsync(shown = text);
            if (progress["next"]?.GetValue<int>() != number)
            {
                await output.WriteLineAsync($"rules {number} were given up for others");
                return false;
            }
            await Task.Delay(Interval, cancellationToken);
        }
    }
}
