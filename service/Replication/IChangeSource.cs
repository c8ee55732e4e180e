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

    /// <summary>
    /// Replicates these tables from now on. Those that are new are published, where we may, and read beside the stream; rows of those that are not wanted
    /// any more leave. Heeded within a second while the source is there: the state tells how far it is.
    /// </summary>
    void Follow(IReadOnlyList<TablePattern> tables);

    /// <summary>Reads tables again beside the stream; their rows are compared with what is stored, and only differences come of it.</summary>
    /// <param name="tables">Tables that are followed; others are not touched.</param>
    /// <param name="reason">For the log and the status page, in a clause that goes on from the table's name.</param>
    void ReadAgain(TablePattern tables, string reason);

    /// <summary>Everything up to <paramref name="position"/> is durable: the source may forget it. Sent with the next status.</summary>
    void Acknowledge(Lsn position);
}
