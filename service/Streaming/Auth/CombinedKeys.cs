namespace TopGun.Buckets.Streaming.Auth;

/// <summary>Several sources as one: the secret of the settings beside a key set.</summary>
internal sealed class CombinedKeys(IReadOnlyList<IKeySource> sources) : IKeySource
{
    public async ValueTask<IReadOnlyList<VerificationKey>> FindAsync(CancellationToken cancellationToken)
    {
        var keys = new List<VerificationKey>();
        foreach (var source in sources)
            keys.AddRange(await source.FindAsync(cancellationToken));
        return keys;
    }

    public void AskForUnknown()
    {
        foreach (var source in sources)
            source.AskForUnknown();
    }
}
