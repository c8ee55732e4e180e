using System.Buffers;
using System.IO.Pipelines;
using TopGun.Buckets.Tests.Simulation.Loop;

namespace TopGun.Buckets.Tests.Simulation.Net;

/// <summary>One direction of a connection: bytes go in at the service and come out at the client, later, in pieces, or never.</summary>
internal sealed class SimLink
{
    private readonly SimLoop _loop;
    private readonly SimNetFaults _faults;
    private readonly Action<ReadOnlySpan<byte>> _observe;
    private readonly Pipe _sent;
    private readonly Pipe _received;
    private readonly CancellationTokenSource _aborted = new();

    public SimLink(SimLoop loop, SimNetFaults faults, Action<ReadOnlySpan<byte>> observe)
    {
        _loop = loop;
        _faults = faults;
        _observe = observe;
        _sent = new Pipe(Options(faults.BufferBytes()));
        _received = new Pipe(Options(faults.BufferBytes()));
        loop.World.Start("link", PumpAsync);
    }

    /// <summary>Where the service writes.</summary>
    public PipeWriter Writer => _sent.Writer;

    /// <summary>Where the client reads.</summary>
    public PipeReader Reader => _received.Reader;

    /// <summary>Cancelled for the service when the client is gone.</summary>
    public CancellationToken Aborted => _aborted.Token;

    public bool IsCut { get; private set; }

    /// <summary>Whether nothing arrives any more and neither end knows.</summary>
    public bool IsDead { get; private set; }

    /// <summary>Lets nothing arrive from now on, and tells nobody.</summary>
    public void Kill() => IsDead = true;

    /// <summary>Breaks the connection for both sides; what is under way is lost.</summary>
    /// <param name="serviceDied">Whether there is nobody left at the service to be told.</param>
    public void Cut(bool serviceDied = false)
    {
        if (IsCut)
            return;
        IsCut = true;
        if (!serviceDied)
            _aborted.Cancel();
        _received.Writer.Complete(new IOException("The connection was reset."));
        _sent.Reader.Complete();
    }

    private async Task PumpAsync()
    {
        while (!IsCut)
        {
            var read = await _sent.Reader.ReadAsync();
            if (IsCut)
                return;
            if (read.Buffer.IsEmpty && read.IsCompleted)
                break;
            var piece = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, _faults.ChunkBytes()));
            var bytes = piece.ToArray();
            _sent.Reader.AdvanceTo(piece.End);
            _observe(bytes);
            await _loop.Delay(_faults.Latency(bytes.Length), "network");
            while (_faults.IsStalled && !IsCut)
                await _loop.Delay(TimeSpan.FromMilliseconds(50), "network-stall");
            if (IsCut)
                return;
            if (IsDead)
                continue;
            if ((await _received.Writer.WriteAsync(bytes)).IsCompleted)
                Cut(); // the client has closed its end
        }
        if (!IsCut && !IsDead)
            await _received.Writer.CompleteAsync();
    }

    // Inline schedulers: continuations go to the actor that awaits, never to the thread pool.
    private static PipeOptions Options(int bufferBytes) => new(
        readerScheduler: PipeScheduler.Inline,
        writerScheduler: PipeScheduler.Inline,
        pauseWriterThreshold: bufferBytes,
        resumeWriterThreshold: bufferBytes / 2,
        useSynchronizationContext: true);
}
