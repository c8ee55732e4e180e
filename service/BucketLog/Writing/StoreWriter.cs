using Microsoft.Extensions.Logging;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog.Writing;

/// <summary>Carries what was evaluated to the store, in groups, behind the back of those who read it from RAM.</summary>
/// <remarks>
/// A store without room is asked again until it has some; only reading from the source waits meanwhile, and only once the window is full. Any other
/// failure stops the log: what is durable is then known only after the store was opened anew.
/// </remarks>
internal sealed partial class StoreWriter(
    IColdStorage storage, DirtyWindow window, BucketLogOptions options, BucketLogEnvironment environment, Action<DirtySet> durable)
    : IAsyncDisposable
{
    private const string NoRoom = "TGB2005";
    private const long UrgentBytes = 1 << 20; // as much as one fsync is worth
    private const long BusyBytesPerSecond = 16 << 20; // some ten thousand row changes

    // What a bucket has in one write lies together, and is one entry of an index. So where much is written, fewer writes cost less, and who sees changes
    // from RAM does not wait for them.
    private const int BusyGatheringFactor = 20;
    private const long BusyUrgentBytes = 8 << 20; // what gathers takes memory

    private readonly TimeProvider _time = environment.Time;
    private readonly ILogger _logger = environment.Logger;
    private readonly IFaultPoints? _faults = environment.Faults;
    private readonly Signal _work = new(environment.Time);
    private readonly Signal _progress = new(environment.Time);
    private readonly CancellationTokenSource _stopping = new();
    private Task _run = Task.CompletedTask;
    private long _durableSequence;
    private long _flushSequence; // somebody waits for this to be durable
    private long _takenAt; // timestamp at which the last write was taken
    private bool _isBusy; // much gathered between the last two writes
    private long _sleepsUntil; // timestamp at which it will look again by itself; 0 while it is awake
    private Exception? _failure;
    private bool _isDisposed;

    /// <summary>Completes when the writer has stopped; fails with what stopped it.</summary>
    public Task Completion => _run;

    public void Start() => _run = RunAsync(_stopping.Token);

    public void ThrowIfStopped()
    {
        if (Volatile.Read(ref _failure) is { } failure)
            throw new LogStoppedException(failure);
    }

    /// <summary>
    /// Something was added to the window. The writer is woken only when it would sleep too long: transactions that come while others gather cost it nothing.
    /// </summary>
    public void Notify()
    {
        var until = Volatile.Read(ref _sleepsUntil);
        if (until == 0 || window.Due(options, GatheringTime) < until || IsUrgent())
            _work.Pulse();
    }

    /// <summary>Waits until everything added so far is durable.</summary>
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        var sequence = window.Sequence;
        while (true)
        {
            var seen = _progress.Version;
            ThrowIfStopped();
            if (Volatile.Read(ref _durableSequence) >= sequence)
                return;
            if (Volatile.Read(ref _flushSequence) < sequence)
            {
                Volatile.Write(ref _flushSequence, sequence);
                _work.Pulse();
            }
            await _progress.WaitAsync(seen, cancellationToken);
        }
    }

    /// <summary>Waits while the store is a whole window behind.</summary>
    public ValueTask WaitForRoomAsync(CancellationToken cancellationToken) => WaitForRoomAsync(options.DirtyLimitBytes, cancellationToken);

    /// <summary>Waits while the store is so many bytes behind, or a whole window.</summary>
    public async ValueTask WaitForRoomAsync(long limitBytes, CancellationToken cancellationToken)
    {
        while (true)
        {
            var seen = _progress.Version;
            ThrowIfStopped();
            var (bytes, age) = window.Measure();
            if (bytes < Math.Min(limitBytes, options.DirtyLimitBytes) && age < options.DirtyLimitAge)
                return;
            _work.Pulse();
            await _progress.WaitAsync(seen, cancellationToken);
        }
    }

    /// <summary>Makes everything durable and stops.</summary>
    public async ValueTask StopAsync()
    {
        try
        {
            if (window.IsDirty)
                await FlushAsync(CancellationToken.None);
        }
        catch (LogStoppedException)
        {
            // Whoever appended has been told; what is not durable will be replayed.
        }
        await DisposeAsync();
    }

    /// <summary>Stops without writing what has gathered.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        _stopping.Cancel();
        await _run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext); // Completion tells
        _stopping.Dispose();
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await WaitForWorkAsync(cancellationToken);
                var set = window.Take();
                NoteRate(set.ByteCount);
                await WriteAsync(set, cancellationToken);
                if (_faults is not null)
                    await _faults.PassAsync(FaultPoint.StoreWritten);
                window.Complete(set);
                durable(set);
                foreach (var batch in set.Write.Batches)
                    batch.Release();
                Volatile.Write(ref _durableSequence, set.Sequence);
                _progress.Pulse();
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            Volatile.Write(ref _failure, new ObjectDisposedException(nameof(BucketLogWriter)));
            _progress.Pulse();
        }
        catch (Exception failure)
        {
            Log.Stopped(_logger, failure);
            Volatile.Write(ref _failure, failure);
            _progress.Pulse();
            throw;
        }
    }

    private async ValueTask WaitForWorkAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var seen = _work.Version;
            cancellationToken.ThrowIfCancellationRequested();
            var due = window.Due(options, GatheringTime);
            if (due <= _time.GetTimestamp() || (due is not null && (IsUrgent() || _faults?.IsForced(FaultPoint.StoreWrittenEarly) == true)))
                return;
            if (due is null && _flushSequence > _durableSequence && window.Sequence > _durableSequence)
                return;
            // Whoever adds something from here on sees how long this sleeps; whoever did since the version was taken keeps it awake.
            Volatile.Write(ref _sleepsUntil, due ?? long.MaxValue);
            if (due is null)
                await _work.WaitAsync(seen, cancellationToken);
            else
                await _work.WaitAsync(seen, Until(due.Value), cancellationToken);
            Volatile.Write(ref _sleepsUntil, 0);
        }
    }

    private bool GathersMore => Volatile.Read(ref _isBusy) && options.Publish == PublishMode.Memory;

    private TimeSpan GatheringTime => GathersMore ? options.GroupCommitDelay * BusyGatheringFactor : options.GroupCommitDelay;

    private void NoteRate(long bytes)
    {
        var now = _time.GetTimestamp();
        var elapsed = _time.GetElapsedTime(_takenAt, now);
        _takenAt = now;
        Volatile.Write(ref _isBusy, elapsed > TimeSpan.Zero && bytes >= BusyBytesPerSecond * elapsed.TotalSeconds);
    }

    private TimeSpan Until(long timestamp)
    {
        var left = _time.GetElapsedTime(_time.GetTimestamp(), timestamp);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private bool IsUrgent() =>
        Volatile.Read(ref _flushSequence) > Volatile.Read(ref _durableSequence) || window.Measure().ByteCount >= Math.Min(GathersMore ? BusyUrgentBytes : UrgentBytes, options.DirtyLimitBytes);

    private async ValueTask WriteAsync(DirtySet set, CancellationToken cancellationToken)
    {
        var delay = TimeSpan.FromMilliseconds(100);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await storage.WriteAsync(set.Write, cancellationToken);
                if (attempt > 1)
                    Log.RoomAgain(_logger, attempt);
                return;
            }
            catch (BucketsException failure) when (failure.Code == NoRoom)
            {
                Log.NoRoom(_logger, delay, failure);
            }
            await Task.Delay(delay, _time, cancellationToken);
            delay = delay * 2 < options.RetryLimit ? delay * 2 : options.RetryLimit;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1210, LogLevel.Error, "Writing to the store failed; the bucket log stops.")]
        public static partial void Stopped(ILogger logger, Exception failure);

        [LoggerMessage(1211, LogLevel.Warning, "The store has no room. Reading from the source pauses when the window is full; next attempt in {Delay}.")]
        public static partial void NoRoom(ILogger logger, TimeSpan delay, Exception failure);

        [LoggerMessage(1212, LogLevel.Information, "The store has room again; written at attempt {Attempt}.")]
        public static partial void RoomAgain(ILogger logger, int attempt);
    }
}
