using Microsoft.Extensions.Logging;

namespace TopGun.Buckets.Streaming.Auth;

/// <summary>A key set from the network, kept in RAM: served at once, refreshed beside the requests, and given up when it is too old.</summary>
internal sealed partial class RemoteKeys(Func<CancellationToken, Task<byte[]>> fetch, TimeProvider clock, ILogger logger) : IKeySource
{
    private static readonly TimeSpan FreshFor = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan ValidFor = TimeSpan.FromMinutes(60); // long enough for the key host to be repaired
    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(10);
    private const int UnknownKeyBurst = 10;
    private static readonly TimeSpan UnknownKeyInterval = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private IReadOnlyList<VerificationKey> _keys = [];
    private Task? _refresh;
    private long? _fetchedAt;
    private long? _triedAt;
    private int _unknownLeft = UnknownKeyBurst;
    private long _unknownRefilledAt = clock.GetTimestamp();

    public async ValueTask<IReadOnlyList<VerificationKey>> FindAsync(CancellationToken cancellationToken)
    {
        Task? refresh;
        lock (_gate)
        {
            if (Age(_fetchedAt) > FreshFor && Age(_triedAt) > RetryAfter)
                StartRefresh();
            if (Age(_fetchedAt) <= ValidFor)
                return _keys;
            refresh = _refresh;
        }
        if (refresh is not null)
        {
            using var wait = new CancellationTokenSource(FirstWait, clock);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(wait.Token, cancellationToken);
            try
            {
                await refresh.WaitAsync(either.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // Refused for now; whoever asks again finds the answer.
            }
        }
        lock (_gate)
            return Age(_fetchedAt) <= ValidFor ? _keys : [];
    }

    public void AskForUnknown()
    {
        lock (_gate)
        {
            var refills = (int)Math.Min(UnknownKeyBurst, clock.GetElapsedTime(_unknownRefilledAt) / UnknownKeyInterval);
            if (refills > 0)
            {
                _unknownLeft = Math.Min(UnknownKeyBurst, _unknownLeft + refills);
                _unknownRefilledAt = clock.GetTimestamp();
            }
            if (_unknownLeft == 0 || _refresh is { IsCompleted: false })
                return;
            _unknownLeft--;
            StartRefresh();
        }
    }

    /// <summary>Completes when no fetch is under way.</summary>
    internal Task IdleAsync()
    {
        lock (_gate)
            return _refresh ?? Task.CompletedTask;
    }

    private TimeSpan Age(long? timestamp) => timestamp is { } at ? clock.GetElapsedTime(at) : TimeSpan.MaxValue;

    private void StartRefresh()
    {
        if (_refresh is { IsCompleted: false })
            return;
        _triedAt = clock.GetTimestamp();
        _refresh = RefreshAsync();
    }

    private async Task RefreshAsync()
    {
        await Task.Yield(); // the lock is held by whoever began this
        try
        {
            var refused = new List<string>();
            var keys = JsonWebKeys.Parse(await fetch(CancellationToken.None), allowSecrets: false, refused);
            foreach (var reason in refused)
                Log.KeyRefused(logger, reason);
            lock (_gate)
            {
                _keys = keys;
                _fetchedAt = clock.GetTimestamp();
            }
        }
        catch (Exception error) when (error is HttpRequestException or OperationCanceledException or FormatException or IOException)
        {
            Log.NotFetched(logger, error);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(5011, LogLevel.Warning, "The key set could not be fetched; the last good one serves for an hour.")]
        public static partial void NotFetched(ILogger logger, Exception error);

        [LoggerMessage(5012, LogLevel.Warning, "A key of the key set is not used: {Reason}")]
        public static partial void KeyRefused(ILogger logger, string reason);
    }
}
