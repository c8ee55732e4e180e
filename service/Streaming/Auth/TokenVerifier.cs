using System.Buffers.Text;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;
using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.Streaming.Sessions;

namespace TopGun.Buckets.Streaming.Auth;

/// <summary>Verifies tokens: their form here, their signature by the library with keys chosen here, then their claims.</summary>
/// <remarks>
/// Keys are chosen by the configuration, never by the token: its header may only name one that is known and an algorithm that key has. The library is
/// asked for the signature alone: what else its token handler makes of a token, nobody reads, and thousands come at once.
/// </remarks>
internal sealed partial class TokenVerifier(IKeySource keys, Revocations revocations, IOptions<JwtOptions> options, TimeProvider clock) : ITokenVerifier
{
    // The library's cache of what verifies by a key is not safe while it is filled: of several threads that come with a key for the first time,
    // one in some thousand refuses a good token. What it saves is small beside the rest of a request.
    private static readonly CryptoProviderFactory Uncached = new() { CacheSignatureProviders = false };

    public async ValueTask<SyncUser> VerifyAsync(string? authorization, CancellationToken cancellationToken)
    {
        var match = AuthorizationValue().Match(authorization ?? "");
        if (!match.Success)
            throw SyncException.Unauthorized("PSYNC_S2106", "The request needs the header 'Authorization: Bearer <token>'.");
        var token = match.Groups[1].Value;
        var form = JwtForm.Parse(token);
        var candidates = Candidates(await keys.FindAsync(cancellationToken), form);
        if (!candidates.Exists(key => IsSignedBy(key, token, form.Algorithm)))
            throw JwtForm.Malformed("The token's signature does not verify with any known key.");
        var user = TokenClaims.Read(form.Payload, options.Value, clock.GetUtcNow());
        return revocations.IsRevoked(user) ? throw SyncException.Unauthorized("PSYNC_S2101", "The token was revoked.") : user;
    }

    /// <summary>A key that is named decides alone; otherwise every key without a name is tried whose type fits.</summary>
    private List<VerificationKey> Candidates(IReadOnlyList<VerificationKey> known, JwtForm form)
    {
        if (form.KeyId is not null)
        {
            var named = known.Where(key => key.KeyId == form.KeyId).ToList();
            if (named.Count > 0)
                return named.FindAll(key => key.Algorithms.Contains(form.Algorithm));
            keys.AskForUnknown();
        }
        return [.. known.Where(key => key.KeyId is null && key.Algorithms.Contains(form.Algorithm))];
    }

    private static bool IsSignedBy(VerificationKey key, string token, string algorithm)
    {
        var signed = token.LastIndexOf('.');
        SignatureProvider? provider = null;
        try
        {
            provider = Uncached.CreateForVerifying(key.Key, algorithm);
            return provider.Verify(Encoding.ASCII.GetBytes(token, 0, signed), Base64Url.DecodeFromChars(token.AsSpan(signed + 1)));
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            return false; // the library throws whatever comes of a key, an algorithm or a signature that do not fit
        }
        finally
        {
            if (provider is not null)
                Uncached.ReleaseSignatureProvider(provider);
        }
    }

    [GeneratedRegex(@"\A(?:Token|Bearer) (\S+)\z", RegexOptions.CultureInvariant)]
    private static partial Regex AuthorizationValue();
}
