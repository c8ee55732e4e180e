using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Client;

/// <summary>SQLite refused a statement (TGB6020). <see cref="SqliteErrorCode"/> is SQLite's extended result code.</summary>
/// <param name="sqliteErrorCode">SQLite's extended result code, for example 1555 for a taken primary key.</param>
/// <param name="message">What was attempted and what SQLite said.</param>
/// <param name="hint">What to do next.</param>
public sealed class LocalStoreException(int sqliteErrorCode, string message, string? hint = null)
    : BucketsException("TGB6020", message, hint)
{
    /// <summary>SQLite's extended result code; the low byte is the primary code.</summary>
    public int SqliteErrorCode { get; } = sqliteErrorCode;
}
