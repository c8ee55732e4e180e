using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Streaming.Http;

/// <summary>A request that is answered with an error.</summary>
/// <param name="status">HTTP status.</param>
/// <param name="wireCode">Code that clients know, <c>PSYNC_Sxxxx</c>.</param>
/// <param name="name">Kind of error, as clients show it.</param>
/// <param name="description">One sentence for the app's developer; reveals nothing of the configuration.</param>
/// <param name="details">More of it.</param>
/// <param name="cause">What was caught, if anything.</param>
public sealed class SyncException(
    int status, string wireCode, string name, string description, string? details = null, Exception? cause = null)
    : BucketsException("TGB5002", description, details, cause)
{
    /// <summary>HTTP status.</summary>
    public int Status { get; } = status;

    /// <summary>Code that clients know.</summary>
    public string WireCode { get; } = wireCode;

    /// <summary>Kind of error.</summary>
    public string Name { get; } = name;

    /// <summary>One sentence.</summary>
    public string Description { get; } = description;

    /// <summary>More of it, or null.</summary>
    public string? Details { get; } = details;

    /// <summary>
    /// When to come back, in seconds, if the client could be served then. Spread, so that those who were refused together do not come back together.
    /// </summary>
    public int? RetryAfterSeconds => Status is 429 or 503 ? 3 + Random.Shared.Next(8) : null;

    /// <summary>As text for transports without a status: <c>[code] sentence</c>, and the details in a line of their own.</summary>
    internal string WireText => Details is null ? $"[{WireCode}] {Description}" : $"[{WireCode}] {Description}\n  {Details}";

    /// <summary>A limit is reached.</summary>
    internal static SyncException TooMany(string description) => new(429, "PSYNC_S2304", "ServiceError", description);

    /// <summary>The request does not have the form it must have.</summary>
    internal static SyncException Invalid(string detailsJson) =>
        new(400, "PSYNC_S2001", "ValidationError", "The request is not valid.", detailsJson);

    /// <summary>The token is not accepted.</summary>
    internal static SyncException Unauthorized(string wireCode, string description, Exception? cause = null) =>
        new(401, wireCode, "AuthorizationError", description, cause: cause);
}
