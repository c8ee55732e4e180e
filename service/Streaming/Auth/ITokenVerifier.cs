using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.Streaming.Sessions;

namespace TopGun.Buckets.Streaming.Auth;

/// <summary>Tells who sent a request.</summary>
public interface ITokenVerifier
{
    /// <summary>Verifies the value of an Authorization header, or of its counterpart on other transports.</summary>
    /// <exception cref="SyncException">It is not accepted (401).</exception>
    ValueTask<SyncUser> VerifyAsync(string? authorization, CancellationToken cancellationToken);
}
