using System.IdentityModel.Tokens.Jwt;
using System.Security.Claims;
using System.Security.Cryptography;
using Microsoft.IdentityModel.Tokens;

namespace TopGun.Buckets.DemoBackend;

/// <summary>Issues tokens that the service accepts, and recognises them when an upload brings one.</summary>
internal sealed class DemoTokens
{
    private readonly JwtSecurityTokenHandler _handler = new() { MapInboundClaims = false };
    private readonly SymmetricSecurityKey _key;
    private readonly string _audience;

    public DemoTokens(DemoSettings settings)
    {
        _key = new SymmetricSecurityKey(Base64UrlEncoder.DecodeBytes(settings.Secret)) { KeyId = settings.KeyId };
        _audience = settings.Audience;
    }

    public string Mint(string user)
    {
        var now = DateTime.UtcNow;
        return _handler.CreateEncodedJwt(new SecurityTokenDescriptor
        {
            Subject = new ClaimsIdentity([new Claim("sub", user), new Claim("jti", Convert.ToHexString(RandomNumberGenerator.GetBytes(8)))]),
            Audience = _audience,
            IssuedAt = now,
            NotBefore = now,
            Expires = now.AddHours(1),
            SigningCredentials = new SigningCredentials(_key, SecurityAlgorithms.HmacSha256),
        });
    }

    /// <summary>The user of an <c>Authorization</c> header, or null when its token is not valid.</summary>
    public string? FindUser(string? authorization)
    {
        if (authorization?.Split(' ', 2) is not [("Bearer" or "Token"), var token])
            return null;
        try
        {
            return _handler.ValidateToken(token, Rules(), out _).FindFirst("sub")?.Value;
        }
        catch (Exception refused) when (refused is SecurityTokenException or ArgumentException)
        {
            return null;
        }
    }

    private TokenValidationParameters Rules() => new()
    {
        IssuerSigningKey = _key,
        ValidAlgorithms = [SecurityAlgorithms.HmacSha256],
        ValidateIssuer = false,
        ValidAudience = _audience,
    };
}
