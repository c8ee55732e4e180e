using System.Collections.Concurrent;
using System.Diagnostics;
using Npgsql.Replication;
using Npgsql.Replication.PgOutput;
using Npgsql.Replication.PgOutput.Messages;
using System.Text;

namespace TopGun.Buckets.Tests.Benchmarks.Source;

/// <summary>The limit of latency: reads the WAL in this process and does nothing but note when a marked commit has arrived.</summary>
internal sealed class WalConsumer : IAsyncDisposable
{
    private readonly LogicalReplicationConnection _connection;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<(long Marker, long At)> _arrived = new();
    private Task _reading = Task.CompletedTask;

    private WalConsumer(LogicalReplicationConnection connection) => _connection = connection;

    /// <summary>Markers with the <see cref="Stopwatch"/> time at which their commit was read, in order.</summary>
    public IReadOnlyCollection<(long Marker, long At)> Arrived => _arrived;

    public static async Task<WalConsumer> StartAsync(BenchmarkSource source, CancellationToken cancellationToken)
    {
        var connection = new LogicalReplicationConnection(source.ConnectionString);
        await connection.Open(cancellationToken);
        var slot = await connection.CreatePgOutputReplicationSlot(
            "benchmark_consumer",
            temporarySlot: true,
            slotSnapshotInitMode: LogicalSlotSnapshotInitMode.NoExport,
            cancellationToken: cancellationToken);
        var consumer = new WalConsumer(connection);
        consumer._reading = consumer.ReadAsync(slot);
        return consumer;
    }

    /// <summary>Fails when the reading has.</summary>
    public void ThrowIfEnded()
    {
        if (_reading.IsFaulted)
            _reading.GetAwaiter().GetResult();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _connection.DisposeAsync();
        _stop.Dispose();
    }

    private async Task ReadAsync(PgOutputReplicationSlot slot)
    {
        var marker = 0L;
        var options = new PgOutputReplicationOptions(BenchmarkData.Publication, PgOutputProtocolVersion.V1);
        await foreach (var message in _connection.StartReplication(slot, options, _stop.Token))
        {
            if (message is UpdateMessage update)
            {
                await foreach (var value in update.NewRow)
                    marker = Math.Max(marker, Marker.Find(Encoding.UTF8.GetBytes(await value.Get<string>(_stop.Token))));
            }
            else if (message is CommitMessage)
            {
                _arrived.Enqueue((marker, Stopwatch.GetTimestamp()));
            }
        }
    }
}
