namespace TopGun.Buckets.Streaming.Auth;

/// <summary>Whose tokens are accepted. Bound from the <c>jwt</c> section.</summary>
public sealed class JwtOptions
{
    /// <summary>HS256 secret, at least 32 bytes; null when only a key set is used.</summary>
    public byte[]? Secret { get; set; }

    /// <summary>Key id of the secret. A secret without one is tried for tokens that name no known key.</summary>
    public string? KeyId { get; set; }

    /// <summary>Path or address of a JSON Web Key Set.</summary>
    public string? Jwks { get; set; }

    /// <summary>Audiences of which a token must name one.</summary>
    public IList<string> Audiences { get; } = [];

    /// <summary>Longest time from a token's <c>iat</c> to its <c>exp</c>. Default 24 hours.</summary>
    public TimeSpan MaxLifetime { get; set; } = TimeSpan.FromHours(24); // a leaked token is worth no more than a day

    /// <summary>Difference of clocks that is put up with. Default 60 s.</summary>
    public TimeSpan ClockTolerance { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Whether a key set may come over plain http. Default no: whoever is on the way could bring their own keys.</summary>
    public bool AllowPlainHttp { get; set; }

    /// <summary>Whether a key set may come from an address inside the network. Default no: the service must not be led to internal hosts.</summary>
    public bool AllowPrivateAddresses { get; set; }

    /// <summary>The rules that are broken, one sentence each, naming the setting and its value but no secret.</summary>
    public IEnumerable<string> Problems()
    {
        if (Secret is null && string.IsNullOrEmpty(Jwks))
            yield return "jwt:Secret and jwt:Jwks are both missing; one of them must be set, or no token could be verified.";
        if (Secret is { Length: < 32 })
            yield return $"jwt:Secret has {Secret.Length} bytes; it must have at least 32.";
        if (KeyId is { Length: 0 or > VerificationKey.MaxKeyIdLength })
            yield return $"jwt:KeyId has {KeyId.Length} characters; it must have 1 to {VerificationKey.MaxKeyIdLength}.";
        if (Audiences.Count == 0 || Audiences.Any(string.IsNullOrWhiteSpace))
            yield return $"jwt:Audiences is [{string.Join(", ", Audiences)}]; it must name at least one audience, and none may be empty.";
        if (MaxLifetime <= TimeSpan.Zero || MaxLifetime > TimeSpan.FromDays(366))
            yield return $"jwt:MaxLifetime is {MaxLifetime}; it must be between 0 and 366 days.";
        if (ClockTolerance < TimeSpan.Zero || ClockTolerance > TimeSpan.FromMinutes(10))
            yield return $"jwt:ClockTolerance is {ClockTolerance}; it must be between 0 and 10 minutes.";
        if (IsPlainHttp && !AllowPlainHttp)
            yield return $"jwt:Jwks is '{Jwks}'; it must be an https address or a file, unless jwt:AllowPlainHttp is set.";
    }

    internal bool IsRemote => Uri.TryCreate(Jwks, UriKind.Absolute, out var uri) && uri.Scheme is ("http" or "https");

    private bool IsPlainHttp => IsRemote && new Uri(Jwks!).Scheme == "http";
}
