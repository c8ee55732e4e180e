namespace TopGun.Buckets.Streaming.Auth;

/// <summary>Where keys come from.</summary>
internal interface IKeySource
{
    /// <summary>The keys known now. Empty when none could be had.</summary>
    ValueTask<IReadOnlyList<VerificationKey>> FindAsync(CancellationToken cancellationToken);

    /// <summary>A token named a key that is not known: it may be new. This request is refused all the same.</summary>
    void AskForUnknown();
}

/// <summary>Keys of the configuration.</summary>
internal sealed class StaticKeys(IReadOnlyList<VerificationKey> keys) : IKeySource
{
    public ValueTask<IReadOnlyList<VerificationKey>> FindAsync(CancellationToken cancellationToken) => new(keys);

    public void AskForUnknown()
    {
        // They change with the configuration only.
    }
}
