using System.Buffers;
using System.IO.Pipelines;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>Lines one behind the other in the body of a response.</summary>
public sealed class PipeLineOutput(PipeWriter output) : ILineOutput
{
    private const int FlushBytes = 64 << 10; // as much as Kestrel buffers before a flush waits

    /// <inheritdoc/>
    public bool IsFull => !output.CanGetUnflushedBytes || output.UnflushedBytes >= FlushBytes;

    /// <inheritdoc/>
    public IBufferWriter<byte> BeginLine() => output;

    /// <inheritdoc/>
    public ValueTask<bool> FlushAsync(CancellationToken cancellationToken)
    {
        var flush = output.FlushAsync(cancellationToken);
        return flush.IsCompletedSuccessfully ? new ValueTask<bool>(IsTaken(flush.Result)) : AwaitAsync(flush);
    }

    private static async ValueTask<bool> AwaitAsync(ValueTask<FlushResult> flush) => IsTaken(await flush);

    private static bool IsTaken(FlushResult result) => !result.IsCompleted && !result.IsCanceled;
}
