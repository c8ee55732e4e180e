using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>Hands out write checkpoints: positions in the source that a client's uploads precede.</summary>
/// <remarks>
/// The id is the source's WAL insert position read after the request arrived, raised by the epoch, so it grows without being stored. A marker
/// with the id is then committed to the source; when it comes back through the stream, everything the client uploaded came before it.
/// </remarks>
public interface IWriteCheckpoints
{
    /// <summary>Asks for a write checkpoint. Requests that arrive together share a marker.</summary>
    /// <param name="userKey">User and client.</param>
    /// <param name="requestedId">The client's own number, or null to be given one.</param>
    /// <param name="cancellationToken">Gives up waiting; the marker may be emitted all the same.</param>
    /// <returns>The id, once its marker is committed to the source.</returns>
    /// <exception cref="BucketsException">The source cannot be reached (TGB1101) or does not answer (TGB1108): ask again later.</exception>
    ValueTask<ulong> RequestAsync(string userKey, ulong? requestedId, CancellationToken cancellationToken);
}
