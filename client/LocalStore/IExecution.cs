namespace TopGun.Buckets.Client.LocalStore;

/// <summary>Where the client's work runs. In an app: one thread for writes, the pool for the rest. In a simulation: at once, in the caller.</summary>
internal interface IExecution : IAsyncDisposable
{
    /// <summary>Runs work on the writing connection. The caller holds the <see cref="Turnstile"/>, so there is one at a time.</summary>
    Task<T> OnWriterAsync<T>(Func<T> work);

    /// <summary>Runs work on a reading connection that the caller has leased.</summary>
    Task<T> OnReaderAsync<T>(Func<T> work);

    /// <summary>Starts a loop that runs until its token is cancelled, away from the caller's synchronisation context.</summary>
    Task Start(Func<Task> loop);
}
