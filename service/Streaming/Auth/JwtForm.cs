using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using TopGun.Buckets.Streaming.Http;

namespace TopGun.Buckets.Streaming.Auth;

/// <summary>A token taken apart, before any of it is believed.</summary>
/// <param name="Algorithm">As its header says.</param>
/// <param name="KeyId">As its header says, or null.</param>
/// <param name="Payload">Its payload, an object.</param>
internal sealed record JwtForm(string Algorithm, string? KeyId, JsonElement Payload)
{
    private const int MaxLength = 16 << 10;
    private const int MaxDepth = 8;

    /// <summary>Checks the form: what fails here never reaches a library that would have to be trusted to refuse it.</summary>
    /// <exception cref="SyncException">It is not a compact token of three parts as we accept it (401).</exception>
    public static JwtForm Parse(string token)
    {
        if (token.Length > MaxLength)
            throw Malformed("The token is too long.");
        var parts = token.Split('.', 4);
        if (parts.Length != 3)
            throw Malformed("The token must have three parts.");
        var header = ParseObject(Decode(parts[0]));
        var payload = ParseObject(Decode(parts[1]));
        if (Decode(parts[2]).Length == 0)
            throw Malformed("The token is not signed.");
        if (header.TryGetProperty("crit", out _))
            throw Malformed("The token demands extensions ('crit') that are not supported.");
        if (header.TryGetProperty("zip", out _) || header.TryGetProperty("enc", out _))
            throw Malformed("The token must be signed, neither compressed nor encrypted.");
        if (!header.TryGetProperty("alg", out var algElement) || !JsonText.TryRead(algElement, out var algorithm))
            throw Malformed("The token's header has no 'alg'.");
        if (algorithm == "EdDSA")
            throw Malformed("EdDSA is not supported; sign with RS256, ES256 or HS256.");
        if (!header.TryGetProperty("kid", out var kidElement))
            return new JwtForm(algorithm, null, payload);
        if (!JsonText.TryRead(kidElement, out var keyId) || keyId.Length > VerificationKey.MaxKeyIdLength)
            throw Malformed("The token's 'kid' is not a text of acceptable length.");
        return new JwtForm(algorithm, keyId, payload);
    }

    /// <summary>The error of a token that is not accepted; the sentence is all that a stranger learns.</summary>
    public static SyncException Malformed(string description, Exception? cause = null) =>
        SyncException.Unauthorized("PSYNC_S2101", description, cause);

    private static byte[] Decode(string part)
    {
        // Strict: no padding, no blanks, and no second spelling of the same bytes in the unused bits at the end.
        if (part.Contains('=', StringComparison.Ordinal) || !Base64Url.IsValid(part))
            throw Malformed("The token is not base64url.");
        var bytes = Base64Url.DecodeFromChars(part);
        if (Base64Url.EncodeToString(bytes) != part)
            throw Malformed("The token is not base64url.");
        return bytes;
    }

    private static JsonElement ParseObject(byte[] json)
    {
        try
        {
            _ = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetCharCount(json);
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false });
            var root = document.RootElement;
            if (root.ValueKind == JsonValueKind.Object && JsonText.IsText(root))
                return root.Clone();
        }
        catch (Exception error) when (error is JsonException or ArgumentException or InvalidOperationException)
        {
            throw Malformed("The token is not made of plain JSON objects.", error);
        }
        throw Malformed("The token is not made of plain JSON objects.");
    }
}
