using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>The door of this room: everything the source has to say, in order, and the way to tell it what is safe.</summary>
public interface IChangeSource
{
    /// <summary>
    /// Reads on from where the store left off: a snapshot if there was none, then transactions in commit order. Reconnects by itself; ends only by
    /// cancellation or by a failure that needs a person.
    /// </summary>
    /// <param name="stored">State stored last, or null for a new store.</param>
    /// <param name="position">End position of the last transaction stored; transactions up to it are not delivered again.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="BucketsException">Continuity with the source is lost and the policy is to halt, or the source is misconfigured.</exception>
    IAsyncEnumerable<SourceEvent> ReadAsync(ReplicationState? stored, Lsn position, CancellationToken cancellationToken);

    /// <summary>Everything up to <paramref name="position"/> is durable: the source may forget it. Sent with the next status.</summary>
    void Acknowledge(Lsn position);

    /// <summary>
    /// Other tables are wanted from now on. Those that are new are published and read, those that are not wanted any more are forgotten; when that has
    /// been seen to, <see cref="ReplicationState.Follows"/> of an event says so. Must not block.
    /// </summary>
    void Follow(IReadOnlyList<TablePattern> tables);
}
