using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Client;

/// <summary>The service could not be reached (TGB6030) or refused the token (TGB6031).</summary>
/// <param name="message">What was attempted and what came of it.</param>
/// <param name="unauthorized">Whether other credentials may help.</param>
/// <param name="retryAfter">How long the service asks to be left alone.</param>
/// <param name="cause">What was caught, if anything.</param>
public sealed class TransportException(string message, bool unauthorized = false, TimeSpan? retryAfter = null, Exception? cause = null)
    : BucketsException(
        unauthorized ? "TGB6031" : "TGB6030",
        message,
        unauthorized ? "New credentials are asked for." : "The client tries again by itself.",
        cause)
{
    /// <summary>Whether other credentials may help.</summary>
    public bool IsUnauthorized { get; } = unauthorized;

    /// <summary>How long the service asks to be left alone.</summary>
    public TimeSpan? RetryAfter { get; } = retryAfter;
}
