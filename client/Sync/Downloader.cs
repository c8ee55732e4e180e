using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using TopGun.Buckets.Client.Connection;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Streams;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Client.Sync;

/// <summary>Keeps a stream open: connects, reads, and whatever happens, connects again.</summary>
internal sealed partial class Downloader(
    LocalDatabase local,
    CheckpointApplier applier,
    ISyncTransport transport,
    CredentialsCache credentials,
    StatusBoard status,
    BucketsClientOptions options)
{
    /// <summary>Time after which a stream counts as healthy and earlier failures as forgotten.</summary>
    private static readonly TimeSpan HealthyAfter = TimeSpan.FromSeconds(60);

    /// <summary>Wait after the disk was full: space rarely returns within seconds.</summary>
    private static readonly TimeSpan StorageRetry = TimeSpan.FromSeconds(60);

    /// <summary>Waits before a bucket is downloaded again, by how often its sums have differed.</summary>
    private static readonly TimeSpan[] MismatchWaits =
        [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(60), TimeSpan.FromMinutes(10)];

    private readonly Backoff _backoff = new(options.Random, TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(30));
    private readonly Signal _retryNow = new();
    private bool _endedBefore;
    private readonly Signal _streamsChanged = new();
    private bool _rejectedBefore;
    private bool _goesOnAtOnce;

    /// <summary>Called when a stream has opened: the network works.</summary>
    public Action Opened { get; set; } = static () => { };

    /// <summary>Called when a stream shows a sign of life; the uploader takes it as a cue.</summary>
    public Action Alive { get; set; } = static () => { };

    /// <summary>Ends the present wait: the network is back, or somebody signed in.</summary>
    public void RetryNow() => _retryNow.Set();

    /// <summary>The app may want other streams by now; if it does, the stream is opened again with them.</summary>
    public void StreamsChanged() => _streamsChanged.Set();

    /// <summary>Runs until cancelled, or until a failure that time does not mend.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var wait = await AttemptAsync(cancellationToken);
            if (wait is null)
                return;
            if (wait.Value != TimeSpan.Zero)
                await _retryNow.WaitAsync(wait.Value, options.TimeProvider, cancellationToken);
        }
    }

    /// <summary>One stream from opening to end.</summary>
    /// <returns>How long to wait before the next, or null to stop.</returns>
    private async Task<TimeSpan?> AttemptAsync(CancellationToken cancellationToken)
    {
        try
        {
            // A stream that is opened again at once, with a new token or other streams, is no interruption that anybody should see.
            if (!_goesOnAtOnce)
                status.Update(current => current with { State = ConnectionState.Connecting });
            _goesOnAtOnce = false;
            var started = options.TimeProvider.GetTimestamp();
            var outcome = await StreamAsync(cancellationToken);
            if (options.TimeProvider.GetElapsedTime(started) >= HealthyAfter)
                _backoff.Reset();
            return After(outcome);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return After(exception);
        }
    }

    private async Task<StreamOutcome> StreamAsync(CancellationToken cancellationToken)
    {
        if (await credentials.GetAsync(cancellationToken) is not { } present)
            return new StreamOutcome(StreamEnd.NoCredentials);
        await UserGuard.CheckAsync(local, present, options.AllowUserSwitch, cancellationToken);

        _streamsChanged.Reset(); // before reading them: what changes from now on counts as news
        var start = await applier.BeginAsync(cancellationToken);
        status.Update(current => current.With(start.Streams));
        var request = SyncRequest.Write(start, local.ClientId, options);
        PipeReader lines;
        try
        {
            lines = await Deadline.RunAsync(
                token => transport.OpenStreamAsync(request, present, token), options.ConnectTimeout, options.TimeProvider, cancellationToken);
        }
        catch (TransportException exception) when (exception.IsUnauthorized)
        {
            credentials.Drop(present, CredentialsReason.Rejected);
            throw;
        }
        try
        {
            Log.Connected(options.Logger, start.Positions.Count);
            _rejectedBefore = false;
            status.Update(current => current with { State = ConnectionState.Connected });
            Opened();
            using var stream = new DownloadStream(
                applier, credentials, options.TimeProvider, Applied, _streamsChanged, options.Faults, cancellationToken);
            var outcome = await stream.RunAsync(lines, options.ReadTimeout, cancellationToken);
            if (outcome.End == StreamEnd.TokenExpired)
                credentials.Drop(present, CredentialsReason.Expired);
            return outcome;
        }
        finally
        {
            await lines.CompleteAsync();
        }
    }

    private void Applied(ApplyResult result)
    {
        if (result.Published is not null)
        {
            _backoff.Reset();
            _endedBefore = false;
        }
        if (result.Streams is { } streams)
            LogErrors(streams);
        var now = options.TimeProvider.GetUtcNow();
        var isFull = result.Published == Publisher.FullSync;
        // At once, so that whoever waits for one of these finds the others as well.
        status.Update(current => current.With(result.Streams).With(result.Gate) with
        {
            LastSyncedAt = isFull ? now : current.LastSyncedAt,
            ShownWriteCheckpoint = isFull ? result.WriteCheckpoint : current.ShownWriteCheckpoint,
            SyncedPriority = isFull ? null : result.Published ?? current.SyncedPriority,
            Download = applier.Progress,
            DownloadError = isFull ? null : current.DownloadError,
        });
        if (result.Mismatched.Count > 0)
            Log.Mismatch(options.Logger, result.Mismatched.Count, result.Mismatched[0]);
        if (result.TokenExpiresIn is not null || applier.WaitsForGate)
            Alive();
    }

    private void LogErrors(StreamReport report)
    {
        var before = status.Current;
        foreach (var stream in report.Streams)
        {
            if (stream.Error is { } error && before.FindStream(stream.Name, stream.Parameters)?.Error != error)
                Log.StreamError(options.Logger, stream.Name, stream.Parameters, error);
        }
    }

    private TimeSpan? After(StreamOutcome outcome)
    {
        switch (outcome.End)
        {
            case StreamEnd.TokenExpired or StreamEnd.TokenRenewed or StreamEnd.OtherStreams:
                _goesOnAtOnce = true;
                return TimeSpan.Zero;
            case StreamEnd.NoCredentials:
                status.Update(current => current with { State = ConnectionState.NeedsCredentials });
                return Timeout.InfiniteTimeSpan;
            case StreamEnd.Mismatch:
                Wait(ClientErrors.ChecksumMismatch(outcome.Mismatched));
                return MismatchWaits[(int)Math.Clamp(outcome.MismatchRepeats - 1, 0, MismatchWaits.Length - 1)];
            default:
                // A service that restarts ends many streams at once: the first return is spread over two seconds.
                Wait(error: null);
                var first = !_endedBefore;
                _endedBefore = true;
                return first ? TimeSpan.FromSeconds(2 * options.Random.NextDouble()) : _backoff.Next();
        }
    }

    private TimeSpan? After(Exception exception)
    {
        Log.Failed(options.Logger, exception.Message);
        switch (exception)
        {
            case TransportException { IsUnauthorized: true } when !_rejectedBefore:
                _rejectedBefore = true; // the token may merely be old: one attempt with a new one, at once
                Wait(exception);
                return TimeSpan.Zero;
            case TransportException { RetryAfter: { } retryAfter }:
                Wait(exception);
                var wait = _backoff.Next();
                return retryAfter > wait ? retryAfter : wait;
            case LocalStoreException { SqliteErrorCode: var code } when (code & 0xFF) is SQLitePCL.raw.SQLITE_CORRUPT or SQLitePCL.raw.SQLITE_NOTADB:
                status.Update(current => current with { State = ConnectionState.Failed, DownloadError = exception });
                return null;
            case LocalStoreException { SqliteErrorCode: var code } when (code & 0xFF) is SQLitePCL.raw.SQLITE_FULL or SQLitePCL.raw.SQLITE_IOERR:
                Wait(exception);
                return StorageRetry;
            case BucketsException { Code: "TGB6033" }:
                status.Update(current => current with { State = ConnectionState.Failed, DownloadError = exception });
                return null;
            default:
                Wait(exception);
                return _backoff.Next();
        }
    }

    private void Wait(Exception? error) => status.Update(current => current with
    {
        State = ConnectionState.Waiting,
        Download = null,
        DownloadError = error ?? current.DownloadError,
    });

    private static partial class Log
    {
        [LoggerMessage(6001, LogLevel.Information, "Connected with {BucketCount} buckets.")]
        public static partial void Connected(ILogger logger, int bucketCount);

        [LoggerMessage(6002, LogLevel.Warning, "The stream failed and is opened again: {Reason}")]
        public static partial void Failed(ILogger logger, string reason);

        [LoggerMessage(6003, LogLevel.Warning, "The checksums of {BucketCount} buckets differ, first {Bucket}; they are downloaded again.")]
        public static partial void Mismatch(ILogger logger, int bucketCount, string bucket);

        [LoggerMessage(6004, LogLevel.Warning, "Stream {Stream} with parameters {Parameters} cannot be served: {Reason}")]
        public static partial void StreamError(ILogger logger, string stream, string? parameters, string reason);
    }
}
