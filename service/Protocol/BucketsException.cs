namespace TopGun.Buckets.Protocol;

/// <summary>A failure the caller can name. <see cref="Code"/> is stable; the message is for people.</summary>
/// <param name="code">Stable identifier; the ranges of the rooms are listed in ARCHITECTURE.md.</param>
/// <param name="message">One sentence that says what happened to which object.</param>
/// <param name="hint">One sentence that says what to do next.</param>
/// <param name="cause">What was caught, if anything.</param>
public class BucketsException(string code, string message, string? hint = null, Exception? cause = null)
    : Exception(hint is null ? message : $"{message} {hint}", cause)
{
    /// <summary>Stable identifier, for example <c>TGB1102</c>; listed in ARCHITECTURE.md.</summary>
    public string Code { get; } = code;
}
