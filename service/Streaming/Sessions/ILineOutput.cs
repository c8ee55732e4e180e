using System.Buffers;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>The way of a session's lines to its client. Used by the session alone, one call at a time.</summary>
public interface ILineOutput
{
    /// <summary>Whether the lines so far have to be flushed before another one begins.</summary>
    bool IsFull { get; }

    /// <summary>Where the next line is to be written, as a whole.</summary>
    IBufferWriter<byte> BeginLine();

    /// <summary>Gives all lines to the client, and waits while it is slow.</summary>
    /// <returns>False when it is gone.</returns>
    ValueTask<bool> FlushAsync(CancellationToken cancellationToken);
}
