using System.Runtime.ExceptionServices;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.Host;

/// <summary>Carries what the source says into the bucket log, for as long as the process lives.</summary>
/// <remarks>
/// The source mends its own connections. Whatever else fails ends the process: what is durable is certain again only after a start, and a
/// supervisor restarts better than we could.
/// </remarks>
internal sealed partial class ReplicationPump : BackgroundService, IPump
{
    // Leaves time within the shutdown for the streams to end and for the last status to reach the source.
    private static readonly TimeSpan FlushLimit = TimeSpan.FromSeconds(5);

    private readonly IChangeSource _source;
    private readonly IColdStorage _storage;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly BucketLogWriter _log;
    private long _busySince; // ticks of UTC while an event is being taken in, else 0
    private ExceptionDispatchInfo? _failure;

    public ReplicationPump(
        IChangeSource source,
        IColdStorage storage,
        LogRules rules,
        BucketGrid grid,
        IMissingRows missingRows,
        SourcePosition position,
        BucketLogOptions options,
        BucketLogEnvironment environment,
        IHostApplicationLifetime lifetime,
        ILogger<ReplicationPump> logger)
    {
        _source = source;
        _storage = storage;
        _lifetime = lifetime;
        _time = environment.Time;
        _logger = logger;
        _log = new BucketLogWriter(
            storage, rules, grid, new LogSource(source.Acknowledge, missingRows) { AskPosition = position.AskAsync, Follow = source.Follow }, options,
            environment);
    }

    /// <summary>The log, which deployments are asked of.</summary>
    public BucketLogWriter Writer => _log;

    public Func<IColdStorage, CancellationToken, ValueTask>? RevocationsChanged { get; set; }

    /// <summary>Whether the log is open.</summary>
    public bool IsStarted { get; private set; }

    /// <summary>Now, while there is nothing to do; else since when it has been busy with one thing.</summary>
    public DateTimeOffset TouchedAt =>
        Interlocked.Read(ref _busySince) is var ticks and not 0
            ? new DateTimeOffset(Math.Max(ticks, _log.PartTakenInAt.UtcTicks), TimeSpan.Zero)
            : _time.GetUtcNow();

    /// <summary>Throws what ended the pump, if anything did.</summary>
    public void ThrowIfFailed() => _failure?.Throw();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await RunAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The service ends before the log was open.
        }
        catch (Exception failure)
        {
            _failure = ExceptionDispatchInfo.Capture(failure);
            _lifetime.StopApplication();
        }
    }

    private async Task RunAsync(CancellationToken stoppingToken)
    {
        if (RevocationsChanged is not null)
            await RevocationsChanged(_storage, stoppingToken);
        var start = await _log.OpenAsync(stoppingToken);
        IsStarted = true;

        using var reading = new CancellationTokenSource();
        var following = FollowAsync(start, reading.Token);
        var told = Task.Delay(Timeout.InfiniteTimeSpan, _time, stoppingToken);
        var takenOver = (_storage as IStoreLease)?.Lost ?? Task.Delay(Timeout.InfiniteTimeSpan, _time, stoppingToken);
        await Task.WhenAny(following, _log.Completion, takenOver, told);

        // What is durable is acknowledged while the connection is still there.
        var isFlushed = !stoppingToken.IsCancellationRequested || await TryFlushAsync();
        await reading.CancelAsync();
        if (takenOver.IsFaulted)
            await takenOver; // whatever else failed, failed for this
        await EndAsync(following, reading.Token);
        await EndAsync(_log.Completion.IsCompleted ? _log.Completion : Task.CompletedTask, reading.Token);
        if (!isFlushed)
            return; // a store that takes nothing would keep us; what is not in it the source sends again
        await _log.DisposeAsync();
        await _storage.DisposeAsync();
    }

    private Task FollowAsync(LogStart start, CancellationToken cancellationToken)
    {
        return new LogFeed(_log, _time).RunAsync(
            _source.ReadAsync(start.State, start.Position, start.Begun, cancellationToken), Note, cancellationToken);

        void Note(bool isBusy) => Interlocked.Exchange(ref _busySince, isBusy ? _time.GetUtcNow().UtcTicks : 0);
    }

    private async Task<bool> TryFlushAsync()
    {
        using var limit = new CancellationTokenSource(FlushLimit, _time);
        try
        {
            await _log.FlushAsync(limit.Token);
            return true;
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            Log.NotFlushed(_logger, FlushLimit.TotalSeconds);
            return false;
        }
    }

    private static async Task EndAsync(Task task, CancellationToken cancelled)
    {
        try
        {
            await task;
        }
        catch (OperationCanceledException) when (cancelled.IsCancellationRequested)
        {
            // As it was asked to.
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1010, LogLevel.Warning, "The store did not take everything within {Seconds:0} s; the rest is replayed by the source at the next start.")]
        public static partial void NotFlushed(ILogger logger, double seconds);
    }
}
