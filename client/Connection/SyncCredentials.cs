namespace TopGun.Buckets.Client;

/// <summary>What the client shows to the service.</summary>
/// <param name="Token">The JWT, without a prefix.</param>
/// <param name="Endpoint">Address of the service, when it is not the one in the options.</param>
public sealed record SyncCredentials(string Token, Uri? Endpoint = null)
{
    /// <summary>Keeps the token out of logs.</summary>
    public override string ToString() => "SyncCredentials { Token = … }";
}

/// <summary>Why credentials are asked for.</summary>
public enum CredentialsReason
{
    /// <summary>There are none yet.</summary>
    Initial,

    /// <summary>The token ends within seconds.</summary>
    Expiring,

    /// <summary>The token has ended.</summary>
    Expired,

    /// <summary>The service refused the token.</summary>
    Rejected,
}

/// <summary>Fetches a token for the signed-in user, normally from the app's own backend.</summary>
public interface ICredentialsProvider
{
    /// <summary>Fetches credentials. At most one call runs at a time; the result is kept in memory until it ends or is refused.</summary>
    /// <returns>Credentials, or null when nobody is signed in: then the client waits until it is told to connect.</returns>
    ValueTask<SyncCredentials?> GetAsync(CredentialsReason reason, CancellationToken cancellationToken);
}

/// <summary>Credentials from a function or a fixed token.</summary>
/// <param name="fetch">Called as <see cref="ICredentialsProvider.GetAsync"/> says.</param>
public sealed class CredentialsFrom(Func<CredentialsReason, CancellationToken, ValueTask<SyncCredentials?>> fetch) : ICredentialsProvider
{
    /// <summary>Always this token; for tests and tools.</summary>
    public static ICredentialsProvider Token(string token) =>
        new CredentialsFrom((_, _) => ValueTask.FromResult<SyncCredentials?>(new SyncCredentials(token)));

    /// <inheritdoc/>
    public ValueTask<SyncCredentials?> GetAsync(CredentialsReason reason, CancellationToken cancellationToken) => fetch(reason, cancellationToken);
}
