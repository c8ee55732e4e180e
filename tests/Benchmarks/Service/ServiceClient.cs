using System.Buffers;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.Service;

/// <summary>Opens streams of the benchmark's own client at a service that may still be starting.</summary>
internal sealed class ServiceClient(BenchmarkData data) : IDisposable
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(15);

    // A first checkpoint may take as long as the snapshot does.
    private readonly HttpClient _http = new() { Timeout = Timeout.InfiniteTimeSpan };

    /// <summary>A stream that has read its first complete checkpoint, and in it every row that the client is to have.</summary>
    public async Task<SyncStream> FirstCheckpointAsync(ServiceProcess service, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Deadline);
        while (true)
        {
            service.ThrowIfEnded();
            SyncStream? stream = null;
            try
            {
                stream = await OpenAsync(service.Address, deadline.Token);
                await stream.ReadCheckpointAsync(deadline.Token);
                return stream.Ops >= data.ClientRows
                    ? stream
                    : throw new InvalidDataException($"The first checkpoint has {stream.Ops} of {data.ClientRows} rows.");
            }
            catch (HttpRequestException refused) when ((int?)refused.StatusCode is null or >= 500)
            {
                stream?.Dispose();
                await Task.Delay(RetryDelay, deadline.Token); // not listening yet, or no snapshot yet
            }
        }
    }

    public Task<SyncStream> OpenAsync(Uri service, CancellationToken cancellationToken) =>
        SyncStream.OpenAsync(_http, service, ClientToken.For(BenchmarkData.ClientUser), cancellationToken);

    /// <summary>The lines of a first checkpoint, as they came.</summary>
    public async Task<ReadOnlyMemory<byte>> RecordAsync(Uri service, CancellationToken cancellationToken)
    {
        var recording = new ArrayBufferWriter<byte>();
        using var stream = await OpenAsync(service, cancellationToken);
        await stream.ReadCheckpointAsync(recording, cancellationToken);
        return recording.WrittenMemory;
    }

    public static Task<SocketStream> OpenSocketAsync(Uri service, CancellationToken cancellationToken) =>
        SocketStream.OpenAsync(service, ClientToken.For(BenchmarkData.ClientUser), cancellationToken);

    /// <summary>The messages of a first checkpoint over WebSocket, as they came.</summary>
    public async Task<List<byte[]>> RecordMessagesAsync(Uri service, CancellationToken cancellationToken)
    {
        var recording = new List<byte[]>();
        using var stream = await OpenSocketAsync(service, cancellationToken);
        await stream.ReadCheckpointAsync(recording, cancellationToken);
        return stream.Ops >= data.ClientRows
            ? recording
            : throw new InvalidDataException($"The first checkpoint has {stream.Ops} of {data.ClientRows} rows.");
    }

    public void Dispose() => _http.Dispose();
}
