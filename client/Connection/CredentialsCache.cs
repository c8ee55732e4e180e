namespace TopGun.Buckets.Client.Connection;

/// <summary>Keeps the credentials in memory and asks for new ones once, however many wait for them.</summary>
internal sealed class CredentialsCache(ICredentialsProvider provider)
{
    private readonly Lock _gate = new();
    private SyncCredentials? _current;
    private CredentialsReason _reason = CredentialsReason.Initial;
    private Task<SyncCredentials?>? _fetching;

    /// <summary>The credentials, fetched when there are none.</summary>
    public async Task<SyncCredentials?> GetAsync(CancellationToken cancellationToken)
    {
        CredentialsReason reason;
        lock (_gate)
        {
            if (_current is not null)
                return _current;
            reason = _reason;
        }
        return await FetchAsync(reason, cancellationToken);
    }

    /// <summary>Fetches new credentials although the present ones still hold; those stay when that fails.</summary>
    /// <returns>Whether there are new ones.</returns>
    public async Task<bool> RenewAsync(CancellationToken cancellationToken) =>
        await FetchAsync(CredentialsReason.Expiring, cancellationToken) is not null;

    /// <summary>Forgets credentials that have ended or were refused.</summary>
    public void Drop(SyncCredentials? credentials, CredentialsReason reason)
    {
        lock (_gate)
        {
            if (credentials is not null && !ReferenceEquals(credentials, _current))
                return; // somebody else has already replaced them
            _current = null;
            _reason = reason;
        }
    }

    private async Task<SyncCredentials?> FetchAsync(CredentialsReason reason, CancellationToken cancellationToken)
    {
        TaskCompletionSource<SyncCredentials?>? mine = null;
        Task<SyncCredentials?> fetching;
        lock (_gate)
        {
            if (_fetching is null)
            {
                mine = new TaskCompletionSource<SyncCredentials?>(); // completed outside the lock, so waiters may go on at once
                _fetching = mine.Task;
            }
            fetching = _fetching;
        }
        if (mine is null)
            return await fetching.WaitAsync(cancellationToken);

        SyncCredentials? fetched = null;
        Exception? failure = null;
        try
        {
            fetched = await provider.GetAsync(reason, cancellationToken);
            return fetched;
        }
        catch (Exception exception)
        {
            failure = exception;
            throw;
        }
        finally
        {
            lock (_gate)
            {
                _fetching = null;
                if (fetched is not null)
                    _current = fetched;
            }
            // Others that waited see no credentials and ask again by their own retry.
            if (failure is null)
                mine.SetResult(fetched);
            else
                mine.SetException(ClientErrors.Unreachable("credentials could not be fetched.", failure));
            _ = mine.Task.Exception; // nobody may have waited
        }
    }
}
