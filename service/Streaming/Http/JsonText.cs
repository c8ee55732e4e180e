using System.Text.Json;

namespace TopGun.Buckets.Streaming.Http;

/// <summary>JSON from strangers: what a parser lets pass and readers stumble over later.</summary>
internal static class JsonText
{
    /// <summary>Whether every string in it is text: lone surrogates and broken UTF-8 pass the parser and throw when they are read.</summary>
    public static bool IsText(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                return TryRead(element, out _);
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                {
                    if (!IsText(item))
                        return false;
                }
                return true;
            case JsonValueKind.Object:
                foreach (var member in element.EnumerateObject())
                {
                    if (!TryReadName(member) || !IsText(member.Value))
                        return false;
                }
                return true;
            default:
                return true;
        }
    }

    /// <summary>Reads a string, unless it is none or holds what is no text.</summary>
    public static bool TryRead(JsonElement element, out string text)
    {
        text = "";
        if (element.ValueKind != JsonValueKind.String)
            return false;
        try
        {
            text = element.GetString()!;
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static bool TryReadName(JsonProperty member)
    {
        try
        {
            return member.Name is not null;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
