using Microsoft.Extensions.Logging;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>Write checkpoints by markers in the source's WAL.</summary>
/// <remarks>
/// Anybody may ask. The first to ask while nobody is emitting starts the emitting; those who ask meanwhile are in the next marker, so any number of
/// requests costs one small transaction per round trip to the source.
/// </remarks>
/// <param name="source">How the source is reached.</param>
/// <param name="monitor">Knows the tag and the epoch that markers need.</param>
/// <param name="time">The clock of the deadline.</param>
/// <param name="logger">Told when the source does not answer.</param>
public sealed partial class WriteCheckpoints(
    ISource source, ReplicationMonitor monitor, TimeProvider time, ILogger<WriteCheckpoints> logger) : IWriteCheckpoints, IAsyncDisposable
{
    // Ids are epoch · 2^50 + position, so that they grow even when the source's positions start over: a petabyte of WAL, 8191 epochs, within an Int64.
    private const int PositionBits = 50;

    private const int LargestBatch = 1000;
    private const int LargestQueue = 100_000; // requests of as many clients; more than that the streams cannot serve either

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10); // less than the HTTP timeouts in front of it

    private readonly Lock _gate = new();
    private readonly Queue<Request> _requests = [];
    private readonly CancellationTokenSource _ending = new();
    private ISourceSession? _session;
    private Task _emitting = Task.CompletedTask;
    private bool _isEmitting;

    /// <summary>
    /// Every id given in an epoch is above this, every id of an earlier one below. What is below that of epoch 1 is a number of the client's own.
    /// </summary>
    public static ulong FloorOf(int epoch) => (ulong)epoch << PositionBits;

    public async ValueTask<ulong> RequestAsync(string userKey, ulong? requestedId, CancellationToken cancellationToken)
    {
        var request = new Request(userKey, requestedId);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_ending.IsCancellationRequested, this);
            if (_requests.Count >= LargestQueue)
                throw Unavailable("too many requests are waiting", cause: null);
            _requests.Enqueue(request);
            if (!_isEmitting)
            {
                _isEmitting = true;
                _emitting = EmitAsync();
            }
        }
        using (cancellationToken.UnsafeRegister(static (answer, token) => ((TaskCompletionSource<ulong>)answer!).TrySetCanceled(token), request.Answer))
            return await request.Answer.Task;
    }

    public async ValueTask DisposeAsync()
    {
        _ending.Cancel(); // in this thread: CancelAsync would run what hangs on it on another
        await _emitting;
        if (_session is not null)
            await _session.DisposeAsync();
        _ending.Dispose();
    }

    /// <summary>Emits markers until nobody waits.</summary>
    private async Task EmitAsync()
    {
        await Task.Yield(); // never under the lock of the one who asked
        var batch = new List<Request>();
        while (TakeBatch(batch))
        {
            try
            {
                using var deadline = new CancellationTokenSource(Deadline, time);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, _ending.Token);
                await EmitAsync(batch, either.Token);
            }
            catch (OperationCanceledException failure)
            {
                await FailAsync(batch, Unavailable($"the source did not answer within {Deadline.TotalSeconds:0} s", failure));
            }
            catch (BucketsException failure)
            {
                await FailAsync(batch, failure);
            }
        }
    }

    private bool TakeBatch(List<Request> batch)
    {
        batch.Clear();
        lock (_gate)
        {
            while (batch.Count < LargestBatch && _requests.TryDequeue(out var request))
                batch.Add(request);
            _isEmitting = batch.Count > 0;
            return _isEmitting;
        }
    }

    private async Task EmitAsync(List<Request> batch, CancellationToken cancellationToken)
    {
        if (monitor.Current.State is not { } state)
            throw Unavailable("replication has not reached the source yet", monitor.Current.Failure);
        var isKept = _session is not null;
        try
        {
            await EmitAsync(batch, state, cancellationToken);
        }
        catch (BucketsException failure) when (isKept && SourceFailure.IsTransient(failure))
        {
            // The session kept from before may have ended with a server that is back by now.
            await CloseAsync();
            await EmitAsync(batch, state, cancellationToken);
        }
    }

    private async Task EmitAsync(List<Request> batch, ReplicationState state, CancellationToken cancellationToken)
    {
        _session ??= await source.OpenSessionAsync(cancellationToken);
        // Read after the requests came, so beyond everything their clients had committed.
        var position = await _session.ReadInsertPositionAsync(cancellationToken);
        var id = IdOf(state.Epoch, position);
        var markers = batch.ConvertAll(request => new WriteCheckpointMarker(request.UserKey, request.RequestedId ?? id));
        await _session.EmitMessageAsync(MarkerMessage.Prefix, MarkerMessage.Write(state.MarkerTag, markers), cancellationToken);
        for (var index = 0; index < batch.Count; index++)
            batch[index].Answer.TrySetResult(markers[index].Id);
    }

    private async Task FailAsync(List<Request> batch, BucketsException failure)
    {
        Log.Failed(logger, batch.Count, failure.Code, failure.Message);
        await CloseAsync();
        foreach (var request in batch)
            request.Answer.TrySetException(failure);
    }

    private async Task CloseAsync()
    {
        if (_session is not null)
            await _session.DisposeAsync();
        _session = null;
    }

    private static ulong IdOf(int epoch, Lsn position) =>
        position.Value >> PositionBits == 0 && epoch < 1 << (63 - PositionBits)
            ? FloorOf(epoch) | position.Value
            : throw Unavailable($"the source's position {position} in epoch {epoch} is beyond what an id can hold", cause: null);

    /// <summary>The answer when no write checkpoint can be given (TGB1108).</summary>
    /// <param name="why">In a clause.</param>
    /// <param name="cause">What failed, if anything did.</param>
    public static BucketsException Unavailable(string why, Exception? cause) => new(
        SourceFailure.WriteCheckpointUnavailable,
        $"No write checkpoint can be given: {why}.",
        "Ask again later; uploaded changes are safe in the source.",
        cause);

    private sealed record Request(string UserKey, ulong? RequestedId)
    {
        public TaskCompletionSource<ulong> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private static partial class Log
    {
        [LoggerMessage(1106, LogLevel.Warning, "{RequestCount} write checkpoints could not be given ({Code}: {Message}).")]
        public static partial void Failed(ILogger logger, int requestCount, string code, string message);
    }
}
