using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace TopGun.Buckets.Host;

/// <summary><c>topgun token</c>: mints a token for development, signed with the secret the service checks.</summary>
internal static class TokenCommand
{
    private static readonly Argument<string> Subject = new("user")
    {
        Description = "The user ('sub') that the token stands for.",
    };

    private static readonly Option<string> Lifetime = new("--lifetime")
    {
        Description = "How long it lasts: a number with s, m, h or d. At most 1d, which is the longest the service accepts.",
        DefaultValueFactory = _ => "1h",
    };

    private static readonly Option<string[]> Claims = new("--claim")
    {
        Description = "A further claim as name=value; a value that is JSON is taken as such. May be repeated.",
        AllowMultipleArgumentsPerToken = false,
    };

    public static Command Create()
    {
        var command = new Command("token", "Mints a development token and prints it.\n\nReads from the environment:\n"
            + SettingOptions.WithoutFlag([SettingList.JwtSecret, SettingList.JwtKeyId]))
        {
            Subject,
            Lifetime,
            Claims,
        };
        var options = new SettingOptions(command, [SettingList.Audience]);
        command.SetAction((given, _) => CommandFailure.ReportAsync(
            given.InvocationConfiguration.Error, () => RunAsync(given, options.Reader(given))));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult given, SettingReader settings)
    {
        var token = new DevelopmentToken
        {
            Secret = settings.Read(SettingList.JwtSecret),
            KeyId = settings.Find(SettingList.JwtKeyId),
            Subject = given.GetRequiredValue(Subject),
            Audiences = settings.ReadList(SettingList.Audience),
            Claims = ReadClaims(given.GetValue(Claims) ?? []),
        };
        var text = token.Sign(DateTimeOffset.UtcNow, ReadLifetime(given.GetRequiredValue(Lifetime)));
        await given.InvocationConfiguration.Output.WriteLineAsync(text);
        return ExitCode.Done;
    }

    private static JsonObject ReadClaims(IEnumerable<string> texts)
    {
        var claims = new JsonObject();
        foreach (var text in texts)
        {
            var parts = text.Split('=', 2);
            if (parts.Length < 2 || parts[0].Length == 0)
                throw SettingException.Wrong("--claim", text, "name=value");
            claims[parts[0]] = ReadValue(parts[1]);
        }
        return claims;
    }

    private static JsonNode? ReadValue(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);
        }
    }

    private static TimeSpan ReadLifetime(string text)
    {
        var number = int.TryParse(text.AsSpan(0, Math.Max(0, text.Length - 1)), NumberStyles.None, CultureInfo.InvariantCulture, out var count);
        TimeSpan? unit = text.Length == 0 ? null : text[^1] switch
        {
            's' => TimeSpan.FromSeconds(1),
            'm' => TimeSpan.FromMinutes(1),
            'h' => TimeSpan.FromHours(1),
            'd' => TimeSpan.FromDays(1),
            _ => null,
        };
        if (!number || unit is null || count == 0 || count * unit > TimeSpan.FromDays(1))
            throw SettingException.Wrong("--lifetime", text, "a number with s, m, h or d, at most 1d");
        return count * unit.Value;
    }
}
