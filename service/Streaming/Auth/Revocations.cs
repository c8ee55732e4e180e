using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.Streaming.Sessions;

namespace TopGun.Buckets.Streaming.Auth;

/// <summary>Tokens that are not accepted any more although they are good: of one user, or one by its id.</summary>
/// <param name="TokenId">The <c>jti</c> of the token; null when a user's are meant.</param>
/// <param name="Subject">The <c>sub</c> of the tokens; null when one token is meant.</param>
/// <param name="IssuedBefore">Of a user's tokens those with an earlier <c>iat</c>; null for all.</param>
/// <param name="Since">When they were revoked.</param>
/// <param name="Until">When this is forgotten: no token of before lives as long, unless the operator chose another time.</param>
public sealed record Revocation(string? TokenId, string? Subject, DateTimeOffset? IssuedBefore, DateTimeOffset Since, DateTimeOffset Until)
{
    /// <summary>What it is filed under.</summary>
    [JsonIgnore]
    public string Key => TokenId is not null ? $"jti:{TokenId}" : $"sub:{Subject}";

    /// <summary>As it is stored.</summary>
    public byte[] Serialize() => JsonSerializer.SerializeToUtf8Bytes(this);

    /// <summary>Reads what <see cref="Serialize"/> wrote.</summary>
    public static Revocation Parse(ReadOnlySpan<byte> json) =>
        JsonSerializer.Deserialize<Revocation>(json) ?? throw new JsonException("A stored revocation is empty.");
}

/// <summary>Keeps revocations beyond the process. Provided by the host.</summary>
public interface IRevocationStore
{
    /// <summary>Why nothing can be stored from this process, in a sentence for the operator; null when it can.</summary>
    string? Obstacle { get; }

    /// <summary>Stores one, or removes it; durable when this completes.</summary>
    /// <exception cref="Protocol.BucketsException">It could not be stored.</exception>
    ValueTask WriteAsync(string key, ReadOnlyMemory<byte>? record, CancellationToken cancellationToken);
}

/// <summary>The revocations in force. Asked by whoever verifies a token; open streams are told of changes.</summary>
public sealed class Revocations(IRevocationStore store, IOptions<JwtOptions> options, TimeProvider clock)
{
    private const int Most = 100_000; // some tens of megabytes; more than that is a key that has to be changed

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Revocation> _all = new(StringComparer.Ordinal);

    /// <summary>Told after something was revoked.</summary>
    public event Action? Changed;

    /// <summary>Those in force, the newest last.</summary>
    public IReadOnlyList<Revocation> List()
    {
        lock (_gate)
        {
            Forget();
            return [.. _all.Values.OrderBy(static one => one.Since).ThenBy(static one => one.Key, StringComparer.Ordinal)];
        }
    }

    /// <summary>Puts what is stored in the place of what was known.</summary>
    public void Load(IEnumerable<Revocation> stored)
    {
        lock (_gate)
        {
            _all.Clear();
            foreach (var revocation in stored)
                _all[revocation.Key] = revocation;
        }
        Changed?.Invoke();
    }

    /// <summary>Whether a verified token is revoked.</summary>
    public bool IsRevoked(SyncUser user)
    {
        lock (_gate)
        {
            return _all.Count > 0
                && ((user.TokenId is { } id && IsInForce($"jti:{id}", user)) || IsInForce($"sub:{user.Subject}", user));
        }
    }

    /// <summary>Revokes: in force when this completes, and for whoever comes after a restart.</summary>
    /// <exception cref="SyncException">It cannot be stored from here (409), or there are too many (422).</exception>
    /// <exception cref="Protocol.BucketsException">The store failed; it is in force until the process ends.</exception>
    public async ValueTask<Revocation> AddAsync(
        string? tokenId, string? subject, DateTimeOffset? issuedBefore, DateTimeOffset? until, CancellationToken cancellationToken)
    {
        ThrowIfReadOnly();
        var now = clock.GetUtcNow();
        var longest = options.Value.MaxLifetime + (2 * options.Value.ClockTolerance); // issued in the future by a clock that goes fast
        var revocation = new Revocation(tokenId, subject, issuedBefore, now, until ?? now + longest);
        lock (_gate)
        {
            Forget();
            if (_all.Count >= Most && !_all.ContainsKey(revocation.Key))
            {
                throw new SyncException(
                    422, "PSYNC_S2001", "ValidationError",
                    $"There are {Most} revocations in force. Change the signing key instead, which revokes all tokens.");
            }
            _all[revocation.Key] = revocation;
        }
        Changed?.Invoke();
        await store.WriteAsync(revocation.Key, revocation.Serialize(), cancellationToken);
        return revocation;
    }

    /// <summary>Takes a revocation back; false when there is none.</summary>
    /// <exception cref="SyncException">It cannot be stored from here (409).</exception>
    /// <exception cref="Protocol.BucketsException">The store failed; the revocation is in force again after a restart.</exception>
    public async ValueTask<bool> RemoveAsync(string? tokenId, string? subject, CancellationToken cancellationToken)
    {
        ThrowIfReadOnly();
        var key = new Revocation(tokenId, subject, null, default, default).Key;
        lock (_gate)
        {
            if (!_all.Remove(key))
                return false;
        }
        await store.WriteAsync(key, record: null, cancellationToken);
        return true;
    }

    private void ThrowIfReadOnly()
    {
        if (store.Obstacle is { } obstacle)
            throw new SyncException(409, "PSYNC_S2001", "ServiceError", obstacle);
    }

    private bool IsInForce(string key, SyncUser user) =>
        _all.TryGetValue(key, out var revocation)
        && revocation.Until > clock.GetUtcNow()
        && (revocation.IssuedBefore is null || user.IssuedAt < revocation.IssuedBefore);

    private void Forget()
    {
        var now = clock.GetUtcNow();
        foreach (var ended in _all.Values.Where(one => one.Until <= now).ToList())
            _all.Remove(ended.Key);
    }
}
