using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using TopGun.Buckets.Client;
using TopGun.Buckets.Tests.Support;

namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>A service in memory: every stream that the client opens is handed to the test, which writes its lines.</summary>
internal sealed class ScriptedService : ISyncTransport
{
    private readonly Channel<ScriptedStream> _opened = Channel.CreateUnbounded<ScriptedStream>();

    /// <summary>Failures for the next attempts to open a stream.</summary>
    public Queue<Exception> Refusals { get; } = new();

    /// <summary>Answers a write checkpoint request; by default counts up.</summary>
    public Func<Task<ulong>> WriteCheckpoint { get; set; }

    public int Attempts { get; private set; }

    public ulong LastWriteCheckpoint { get; private set; }

    public ScriptedService() => WriteCheckpoint = () => Task.FromResult(++LastWriteCheckpoint);

    public Task<PipeReader> OpenStreamAsync(ReadOnlyMemory<byte> request, SyncCredentials credentials, CancellationToken cancellationToken)
    {
        Attempts++;
        if (Refusals.TryDequeue(out var refusal))
            return Task.FromException<PipeReader>(refusal);
        var scheduler = SynchronizationContext.Current is null ? PipeScheduler.ThreadPool : PipeScheduler.Inline;
        var pipe = new Pipe(new PipeOptions(readerScheduler: scheduler, writerScheduler: scheduler, pauseWriterThreshold: 0));
        _opened.Writer.TryWrite(new ScriptedStream(JsonDocument.Parse(request).RootElement.Clone(), credentials.Token, pipe.Writer));
        return Task.FromResult(pipe.Reader);
    }

    public Task<ulong> RequestWriteCheckpointAsync(string clientId, SyncCredentials credentials, CancellationToken cancellationToken) =>
        WriteCheckpoint();

    /// <summary>Waits, with a deadline, for the client to open a stream.</summary>
    public async Task<ScriptedStream> NextStreamAsync()
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(ClientCalls.Now);
        late.CancelAfter(Patience.Limit);
        return await _opened.Reader.ReadAsync(late.Token);
    }

    public bool HasStream => _opened.Reader.TryPeek(out _);
}

/// <summary>One open stream, the service's side.</summary>
internal sealed record ScriptedStream(JsonElement Request, string Token, PipeWriter Writer)
{
    /// <summary>What the client said it holds, as <c>bucket@after</c>.</summary>
    public string Positions => string.Join(' ', Request.GetProperty("buckets").EnumerateArray()
        .Select(bucket => $"{bucket.GetProperty("name").GetString()}@{bucket.GetProperty("after").GetString()}").Order());

    public async Task SendAsync(params string[] lines)
    {
        foreach (var line in lines)
            await Writer.WriteAsync(Encoding.UTF8.GetBytes(line + "\n"));
    }

    public ValueTask EndAsync() => Writer.CompleteAsync();
}
