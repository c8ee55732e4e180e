using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Streaming.Encodings;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>Writes lines to a client and waits while it is slow, but not for ever.</summary>
internal sealed class LineSender(
    ILineOutput output, ILineEncoding encoding, SessionPulse pulse, CancellationToken stop, CancellationToken aborted)
{
    private bool _isDirty;

    /// <summary>Whether anything has left yet.</summary>
    public bool HasFlushed { get; private set; }

    public ValueTask WriteAsync(SyncLine line)
    {
        encoding.Write(output.BeginLine(), line);
        return FlushWhenFullAsync();
    }

    public ValueTask WriteDataAsync(string bucket, OpId after, OpPage page)
    {
        encoding.WriteData(output.BeginLine(), bucket, after, page);
        return FlushWhenFullAsync();
    }

    /// <summary>Gives everything written to the client; this is where a slow client holds the session.</summary>
    /// <exception cref="SessionStalledException">The client takes nothing, or its token ended while it took nothing.</exception>
    public async ValueTask FlushAsync()
    {
        if (!_isDirty)
            return;
        _isDirty = false;
        HasFlushed = true;
        var flush = output.FlushAsync(stop);
        if (flush.IsCompletedSuccessfully)
        {
            CheckTaken(flush.Result);
            return;
        }
        pulse.BeginFlush();
        try
        {
            CheckTaken(await flush);
        }
        catch (OperationCanceledException) when (!aborted.IsCancellationRequested)
        {
            throw new SessionStalledException();
        }
        finally
        {
            pulse.EndFlush();
        }
    }

    private ValueTask FlushWhenFullAsync()
    {
        _isDirty = true;
        return output.IsFull ? FlushAsync() : ValueTask.CompletedTask;
    }

    private static void CheckTaken(bool isTaken)
    {
        if (!isTaken)
            throw new OperationCanceledException("The client is gone.");
    }
}
