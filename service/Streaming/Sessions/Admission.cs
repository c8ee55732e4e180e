using Microsoft.Extensions.Options;
using TopGun.Buckets.Streaming.Http;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>
/// Lets a few streams at a time do the costly part of their beginning: the token's signature, the buckets and their sums. When thousands
/// connect at once they wait here, in order, instead of before everything that connected clients need.
/// </summary>
internal sealed class Admission(IOptions<StreamingOptions> options) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30); // well below the 100 s of common HTTP clients

    private readonly SemaphoreSlim _turns = new(options.Value.MaxOpening);
    private int _waiting;

    /// <summary>Waits for a turn; whoever has it ends it once the costly part is done.</summary>
    /// <exception cref="SyncException">Too many wait, or it takes too long (429).</exception>
    public async ValueTask<AdmissionTurn> WaitAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (Interlocked.Increment(ref _waiting) > options.Value.MaxWaiting || !await _turns.WaitAsync(Patience, cancellationToken))
                throw SyncException.TooMany("Too many clients connect at the moment.");
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
        return new AdmissionTurn(_turns);
    }

    public void Dispose() => _turns.Dispose();
}

/// <summary>The right to begin now.</summary>
internal sealed class AdmissionTurn(SemaphoreSlim turns) : IDisposable
{
    private int _hasEnded;

    /// <summary>Lets the next one begin. May be called again.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _hasEnded, 1) == 0)
            turns.Release();
    }
}
