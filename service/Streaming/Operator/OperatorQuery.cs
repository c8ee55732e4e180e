using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using TopGun.Buckets.Streaming.Http;

namespace TopGun.Buckets.Streaming.Operator;

/// <summary>Reads what an operator asks for.</summary>
internal static class OperatorQuery
{
    private const int DefaultLimit = 100;
    private const int MostItems = 1000;

    /// <summary>How many items an answer may have: <c>limit</c>.</summary>
    public static int Limit(HttpContext http) => (int)Number(http, "limit", DefaultLimit, 1, MostItems);

    /// <exception cref="SyncException">It is no number from <paramref name="least"/> to <paramref name="most"/> (400).</exception>
    public static long Number(HttpContext http, string name, long absent, long least, long most)
    {
        if (Text(http, name) is not { } text)
            return absent;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw Invalid(string.Create(CultureInfo.InvariantCulture, $"{name} must be a whole number from {least} to {most}"));
    }

    public static string? Text(HttpContext http, string name) => http.Request.Query[name] is [{ Length: > 0 } text] ? text : null;

    /// <summary>A member of a body that is a text, or null when it is not there.</summary>
    /// <exception cref="SyncException">It is something else (400).</exception>
    public static string? Text(JsonElement body, string name)
    {
        if (!body.TryGetProperty(name, out var element) || element.ValueKind == JsonValueKind.Null)
            return null;
        return JsonText.TryRead(element, out var text) && text.Length > 0 ? text : throw Invalid($"{name} must be a text that is not empty");
    }

    /// <summary>A member of a body that is a time in seconds since 1970, or null when it is not there.</summary>
    /// <exception cref="SyncException">It is something else (400).</exception>
    public static DateTimeOffset? Time(JsonElement body, string name)
    {
        if (!body.TryGetProperty(name, out var element) || element.ValueKind == JsonValueKind.Null)
            return null;
        return element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out var seconds) && seconds is > 0 and < 253_402_300_800
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : throw Invalid($"{name} must be a time in seconds since 1970");
    }

    public static SyncException Invalid(string problem) => SyncException.Invalid(JsonSerializer.Serialize(new[] { problem }));
}
