using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using TopGun.Buckets.Streaming.Http;

namespace TopGun.Buckets.Streaming.Operator;

/// <summary>Lets those in who know the operator token: <c>Authorization: Bearer …</c> or <c>Token …</c>.</summary>
internal static class OperatorAccess
{
    /// <exception cref="SyncException">There is no token (422), or the request carries another (401).</exception>
    public static void Require(HttpContext http, OperatorOptions options)
    {
        if (options.Token is null)
        {
            throw new SyncException(
                StatusCodes.Status422UnprocessableEntity, "PSYNC_S4105", "ServiceError",
                "The operator API is off, because no operator token is set. Set TOPGUN_API_TOKEN and restart the service.");
        }
        if (!IsKnown(http.Request.Headers.Authorization, options.Token))
            throw SyncException.Unauthorized("PSYNC_S2106", "The operator API takes its own token, as 'Authorization: Bearer …'.");
    }

    // Hashes are compared, in constant time, so that neither length nor content of the token can be told from how long it takes.
    private static bool IsKnown(StringValues header, string token)
    {
        var text = header.Count == 1 ? header[0] ?? "" : "";
        foreach (var scheme in new[] { "Bearer ", "Token " })
        {
            if (text.StartsWith(scheme, StringComparison.Ordinal))
                return CryptographicOperations.FixedTimeEquals(Hash(text[scheme.Length..]), Hash(token));
        }
        return false;
    }

    private static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));
}
