using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>Looks, when it is time to, at the slot and into the catalogue, and hands what it finds to the reader of the stream.</summary>
internal sealed class SourcePatrol(ISource source, SlotGuard guard, SourceWatch watch, Errands errands)
{
    /// <returns>Why the stream has to end, for it no longer brings everything; null when it does.</returns>
    public async ValueTask<BucketsException?> LookAsync(CancellationToken cancellationToken)
    {
        if (!watch.TakeDue())
            return null;
        await using var session = await source.OpenSessionAsync(cancellationToken);
        if (await guard.LookAsync(session, cancellationToken) is { } givenUp)
            return givenUp;
        var look = await watch.LookAsync(session, cancellationToken);
        if (look.HasFindings)
            await errands.HandInAsync(session, look, cancellationToken);
        return look.Failure;
    }
}
