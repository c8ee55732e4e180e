using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>Something that was found out beside the stream, to be taken in by its reader.</summary>
internal abstract class Errand
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Complete() => _done.TrySetResult();

    /// <summary>Waits until it has been seen to.</summary>
    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        await using var registration = cancellationToken.UnsafeRegister(
            static (done, token) => ((TaskCompletionSource)done!).TrySetCanceled(token), _done);
        await _done.Task;
    }
}

/// <summary>Hands what is found out beside the stream to its reader, at a position behind everything that it may rest on.</summary>
/// <remarks>
/// Whoever hands in an errand writes a message into the source's WAL afterwards. When that message comes back through the stream, every transaction that
/// was committed when the errand's facts were read has come before it: they hold at this position, and are not of its future. One reader takes; anybody
/// hands in.
/// </remarks>
/// <param name="progress">Has the tag of our messages.</param>
/// <param name="first">A number that no errand of an earlier connection is near.</param>
internal sealed class Errands(ReplicationProgress progress, ulong first)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, Errand> _waiting = [];
    private ulong _next = first;

    /// <exception cref="BucketsException">The message could not be written; the errand is withdrawn.</exception>
    public async ValueTask HandInAsync(ISourceSession session, Errand errand, CancellationToken cancellationToken)
    {
        ulong number;
        lock (_gate)
            _waiting.Add(number = _next++, errand);
        try
        {
            await session.EmitMessageAsync(MarkerMessage.Prefix, MarkerMessage.Write(progress.Started.MarkerTag, number), cancellationToken);
        }
        catch
        {
            lock (_gate)
                _waiting.Remove(number);
            throw;
        }
    }

    /// <summary>The errand whose message came back; null when it is from an earlier connection, or was withdrawn.</summary>
    public Errand? Take(ulong number)
    {
        lock (_gate)
            return _waiting.Remove(number, out var errand) ? errand : null;
    }
}
