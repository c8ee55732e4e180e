using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary>Reads a request as people give it on the command line.</summary>
internal static class ExplainedRequest
{
    /// <param name="user">Token, claims, or the user's name alone.</param>
    /// <param name="parameters">JSON object, or null.</param>
    /// <param name="subscriptions">Each <c>stream</c> or <c>stream={…}</c>.</param>
    /// <param name="includeDefaults">Whether default streams and bucket definitions are asked for.</param>
    /// <exception cref="SettingException">One of them cannot be read.</exception>
    public static BucketRequest Read(string user, string? parameters, IReadOnlyList<string> subscriptions, bool includeDefaults) => new(
        ReadClaims(user),
        parameters is null ? ReadObject("--parameters", "{}") : ReadObject("--parameters", parameters),
        includeDefaults,
        [.. subscriptions.Select(ReadSubscription)]);

    private static JsonElement ReadClaims(string user)
    {
        if (user.TrimStart().StartsWith('{'))
            return ReadObject("user", user);
        var parts = user.Split('.');
        if (parts.Length == 3 && user.StartsWith("eyJ", StringComparison.Ordinal)) // '{"' in base64url: a token's header
            return ReadObject("user", Decode(parts[1], user));
        return JsonSerializer.SerializeToElement(new Dictionary<string, string> { ["sub"] = user });
    }

    private static string Decode(string payload, string token)
    {
        try
        {
            return Encoding.UTF8.GetString(Base64Url.DecodeFromChars(payload));
        }
        catch (FormatException)
        {
            throw SettingException.Wrong("user", token, "a token, its claims as a JSON object, or a user's name");
        }
    }

    private static StreamSubscription ReadSubscription(string text)
    {
        var parts = text.Split('=', 2);
        return new StreamSubscription(parts[0], parts.Length == 1 ? default : ReadObject("--subscribe", parts[1]), PriorityOverride: null);
    }

    private static bool HasText(JsonProperty member) =>
        member.Name is not null && (member.Value.ValueKind != JsonValueKind.String || member.Value.GetString() is not null);

    /// <summary>A JSON object from the command line.</summary>
    /// <exception cref="SettingException">It is none.</exception>
    public static JsonElement ReadObject(string flag, string json)
    {
        try
        {
            var element = JsonElement.Parse(json);
            if (element.ValueKind == JsonValueKind.Object && element.EnumerateObject().All(member => HasText(member)))
                return element;
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException) // of half a surrogate pair
        {
            // the sentence below says what is expected
        }
        throw SettingException.Wrong(flag, json, "a JSON object");
    }
}
