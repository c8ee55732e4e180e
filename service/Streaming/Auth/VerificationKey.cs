using Microsoft.IdentityModel.Tokens;

namespace TopGun.Buckets.Streaming.Auth;

/// <summary>A key that tokens may be signed with. The key decides the algorithms; a token's header only has to agree.</summary>
/// <param name="KeyId">Its <c>kid</c>, or null.</param>
/// <param name="Key">The key as the library takes it.</param>
/// <param name="Algorithms">Algorithms that fit, such as RS256.</param>
internal sealed record VerificationKey(string? KeyId, SecurityKey Key, IReadOnlyList<string> Algorithms)
{
    public const int MaxKeyIdLength = 256;

    /// <summary>The secret of the settings, for HS256 alone.</summary>
    public static VerificationKey FromSecret(byte[] secret, string? keyId) =>
        new(keyId, new SymmetricSecurityKey(secret), ["HS256"]);
}
