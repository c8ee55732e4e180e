using System.Runtime.ExceptionServices;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.Host;

/// <summary>Keeps a process that only reads in step with the store that another one writes.</summary>
/// <remarks>Waits for the store, for its server, and for rules that are those of the writer; whatever else fails ends the process.</remarks>
internal sealed partial class ReaderPump : BackgroundService, IPump
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    private readonly IStoreFeed _feed;
    private readonly StoreTail _tail;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private ExceptionDispatchInfo? _failure;

    public ReaderPump(
        IStoreFeed feed, BucketGrid grid, ReaderRules rules, ReplicationMonitor monitor, IHostApplicationLifetime lifetime, TimeProvider time, ILoggerFactory loggers)
    {
        _feed = feed;
        _lifetime = lifetime;
        _time = time;
        _logger = loggers.CreateLogger<ReaderPump>();
        _tail = new StoreTail(feed, grid, rules.LoadAsync, monitor.Note, time, loggers.CreateLogger<StoreTail>())
        {
            RevocationsChanged = (storage, cancellationToken) => RevocationsChanged?.Invoke(storage, cancellationToken) ?? ValueTask.CompletedTask,
        };
    }

    public Func<IColdStorage, CancellationToken, ValueTask>? RevocationsChanged { get; set; }

    /// <summary>Every bucket's name and totals.</summary>
    public BucketDirectory Directory => _tail.Directory;

    public bool IsStarted { get; private set; }

    /// <summary>Since when the store is followed, or null.</summary>
    public DateTimeOffset? FollowsSince { get; private set; }

    public void ThrowIfFailed() => _failure?.Throw();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await OpenAsync(stoppingToken);
            IsStarted = true;
            FollowsSince = _time.GetUtcNow();
            await _tail.RunAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // As it was asked to.
        }
        catch (Exception failure)
        {
            _failure = ExceptionDispatchInfo.Capture(failure);
            _lifetime.StopApplication();
        }
    }

    /// <summary>Readers may be started before the writer, and before the server of the store.</summary>
    private async Task OpenAsync(CancellationToken stoppingToken)
    {
        var isTold = false;
        while (true)
        {
            try
            {
                await _feed.OpenAsync(stoppingToken);
                return;
            }
            catch (BucketsException failure) when (failure.Code is "TGB2006" or "TGB2008")
            {
                if (!isTold)
                    Log.Waiting(_logger, failure.Message);
                isTold = true;
            }
            await Task.Delay(RetryDelay, _time, stoppingToken);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1011, LogLevel.Warning, "Waiting for the store: {Message}")]
        public static partial void Waiting(ILogger logger, string message);
    }
}
