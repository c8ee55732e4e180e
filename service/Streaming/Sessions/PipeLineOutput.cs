using System.Buffers;
using System.IO.Pipelines;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>Lines one behind the other in the body of a response.</summary>
/// <remarks>
/// Short lines are put together aside and given to the pipe in one piece when they are flushed: with a connection behind it every call takes a lock, and most
/// checkpoints are three short lines. Nothing is kept aside in between.
/// </remarks>
public sealed class PipeLineOutput(PipeWriter output) : ILineOutput, IBufferWriter<byte>
{
    private const int FlushBytes = 64 << 10; // as much as Kestrel buffers before a flush waits
    private const int AsideBytes = 4 << 10;

    private byte[]? _aside;
    private int _length;
    private int _passed; // to the pipe since the last flush
    private bool _isAside; // the memory that was given out last

    /// <inheritdoc/>
    public bool IsFull => _passed + _length >= FlushBytes;

    /// <inheritdoc/>
    public IBufferWriter<byte> BeginLine() => this;

    /// <inheritdoc/>
    public ValueTask<bool> FlushAsync(CancellationToken cancellationToken)
    {
        _passed = 0;
        if (_aside is null)
            return ResultOf(output.FlushAsync(cancellationToken), written: null);
        var written = _aside;
        _aside = null;
        var length = _length;
        _length = 0;
        return ResultOf(output.WriteAsync(written.AsMemory(0, length), cancellationToken), written);
    }

    void IBufferWriter<byte>.Advance(int count)
    {
        if (_isAside)
        {
            _length += count;
            return;
        }
        output.Advance(count);
        _passed += count;
    }

    Memory<byte> IBufferWriter<byte>.GetMemory(int sizeHint) => TryGetAside(sizeHint) ? _aside.AsMemory(_length) : output.GetMemory(sizeHint);

    Span<byte> IBufferWriter<byte>.GetSpan(int sizeHint) => TryGetAside(sizeHint) ? _aside.AsSpan(_length) : output.GetSpan(sizeHint);

    /// <summary>Whether what comes next is short enough; if it is not, what is aside goes before it.</summary>
    private bool TryGetAside(int sizeHint)
    {
        _isAside = Math.Max(sizeHint, 1) <= AsideBytes - _length;
        if (_isAside)
            _aside ??= ArrayPool<byte>.Shared.Rent(AsideBytes);
        else if (_aside is not null)
        {
            output.Write(_aside.AsSpan(0, _length));
            _passed += _length;
            ArrayPool<byte>.Shared.Return(_aside);
            _aside = null;
            _length = 0;
        }
        return _isAside;
    }

    private static ValueTask<bool> ResultOf(ValueTask<FlushResult> flush, byte[]? written)
    {
        if (!flush.IsCompletedSuccessfully)
            return AwaitAsync(flush, written);
        if (written is not null)
            ArrayPool<byte>.Shared.Return(written);
        return new ValueTask<bool>(IsTaken(flush.Result));
    }

    private static async ValueTask<bool> AwaitAsync(ValueTask<FlushResult> flush, byte[]? written)
    {
        var isTaken = IsTaken(await flush);
        if (written is not null)
            ArrayPool<byte>.Shared.Return(written); // not after a failure: somebody may still read it
        return isTaken;
    }

    private static bool IsTaken(FlushResult result) => !result.IsCompleted && !result.IsCanceled;
}
