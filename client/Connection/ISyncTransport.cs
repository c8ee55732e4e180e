using System.IO.Pipelines;

namespace TopGun.Buckets.Client;

/// <summary>How the client reaches the service. The client brings one over HTTP; a simulation brings its own.</summary>
public interface ISyncTransport
{
    /// <summary>Opens the sync stream.</summary>
    /// <param name="request">The request as a JSON object, UTF-8.</param>
    /// <param name="credentials">Who asks.</param>
    /// <param name="cancellationToken">Ends the attempt; once the stream is open, ending it is completing the reader.</param>
    /// <returns>NDJSON lines as they arrive. Completing the reader closes the stream.</returns>
    /// <exception cref="TransportException">The service cannot be reached or refuses.</exception>
    Task<PipeReader> OpenStreamAsync(ReadOnlyMemory<byte> request, SyncCredentials credentials, CancellationToken cancellationToken);

    /// <summary>Asks for a write checkpoint: a number that a later checkpoint carries once it holds all that is in the source now.</summary>
    /// <exception cref="TransportException">The service cannot be reached or refuses.</exception>
    Task<ulong> RequestWriteCheckpointAsync(string clientId, SyncCredentials credentials, CancellationToken cancellationToken);
}
