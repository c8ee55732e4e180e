using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Sync;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Client;

/// <summary>Settings of one client: one database file, one user at a time.</summary>
public sealed record BucketsClientOptions
{
    /// <summary>File of the local database; made when missing. Use one per user and environment.</summary>
    public required string DatabasePath { get; init; }

    /// <summary>The app's tables.</summary>
    public required LocalSchema Schema { get; init; }

    /// <summary>
    /// Fetches the key of an encrypted file, for example from the platform's key store; asked once, when the file is opened. A SQLite that cannot
    /// encrypt is refused (TGB6004). Null: the file is plain.
    /// </summary>
    public Func<CancellationToken, ValueTask<DatabaseKey>>? Key { get; init; }

    /// <summary>Address of the sync service. Without one the client works on local data only.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>Fetches tokens. Needed to connect.</summary>
    public ICredentialsProvider? Credentials { get; init; }

    /// <summary>Sends local writes to the app's backend. Without one they wait in the queue.</summary>
    public IUploadHandler? Upload { get; init; }

    /// <summary>
    /// Asks the app's backend for a write checkpoint once everything is uploaded, given the client's id; for rules that take write checkpoints from a table of
    /// the source. Default: the service is asked.
    /// </summary>
    public Func<string, CancellationToken, Task<ulong>>? RequestWriteCheckpoint { get; init; }

    /// <summary>Whether the client connects when it is started by the host. Default: yes.</summary>
    public bool ConnectOnStart { get; init; } = true;

    /// <summary>Whether streams that the service marks as default are wanted; others are subscribed to with <see cref="BucketsClient.SyncStream"/>. Default: yes.</summary>
    public bool IncludeDefaultStreams { get; init; } = true;

    /// <summary>Unverified parameters for the service's queries: a JSON object.</summary>
    public JsonElement? Parameters { get; init; }

    /// <summary>Shown in the service's log with every connection, for example the app's version.</summary>
    public IReadOnlyDictionary<string, string> AppMetadata { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether another user's token may be used on this file, whose rows the new user then sees until the first sync. Default: no.</summary>
    public bool AllowUserSwitch { get; init; }

    /// <summary>Silence after which a connection counts as dead. Default: 50 seconds, twice the service's keepalive and a little.</summary>
    public TimeSpan ReadTimeout { get; init; } = TimeSpan.FromSeconds(50);

    /// <summary>Time within which the service must answer a request. Default: 30 seconds.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Pause after a local write before it is uploaded, so that a burst goes as one. Default: 100 milliseconds.</summary>
    public TimeSpan UploadThrottle { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Most transactions in one call of the upload handler. Default: 100.</summary>
    public int UploadBatchSize { get; init; } = 100;

    /// <summary>Least time between two results of a live query. Default: 30 milliseconds, about two frames.</summary>
    public TimeSpan WatchThrottle { get; init; } = TimeSpan.FromMilliseconds(30);

    /// <summary>Connections for reading. Default: the number of processors, at most 4.</summary>
    public int Readers { get; init; } = Math.Min(4, Environment.ProcessorCount);

    /// <summary>
    /// Time within which live queries, status and uploads take note of what other processes, or other tools, have written to the file. Default:
    /// 250 milliseconds. <see cref="Timeout.InfiniteTimeSpan"/> spares the look for a file that only this client opens.
    /// </summary>
    public TimeSpan OtherProcessesPoll { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Log. Neither rows nor tokens are written to it.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Randomness for waiting times and the client id. Must be safe to use from several threads.</summary>
    public Random Random { get; init; } = Random.Shared;

    /// <summary>Another way to the service than HTTP.</summary>
    public ISyncTransport? Transport { get; init; }

    /// <summary>Sends the HTTP requests, when it shall not be the client's own; its timeout must be infinite.</summary>
    public HttpClient? HttpClient { get; init; }

    /// <summary>Where work runs; a simulation runs it in the caller.</summary>
    internal Func<IExecution> NewExecution { get; init; } = () => new ThreadedExecution();

    /// <summary>A simulation's.</summary>
    internal IFaultPoints? Faults { get; init; }

    /// <summary>Measures of a first download.</summary>
    internal BulkLimits Bulk { get; init; } = BulkLimits.Default;

    internal void Check()
    {
        if (string.IsNullOrWhiteSpace(DatabasePath))
            throw ClientErrors.InvalidOption(nameof(DatabasePath), "it must name a file");
        if (Endpoint is { } endpoint && (!endpoint.IsAbsoluteUri || endpoint.Scheme is not ("http" or "https")))
            throw ClientErrors.InvalidOption(nameof(Endpoint), "it must be an absolute http or https address");
        if (Parameters is { ValueKind: not JsonValueKind.Object })
            throw ClientErrors.InvalidOption(nameof(Parameters), "it must be a JSON object");
        if (ReadTimeout <= TimeSpan.Zero)
            throw ClientErrors.InvalidOption(nameof(ReadTimeout), "it must be positive");
        if (ConnectTimeout <= TimeSpan.Zero)
            throw ClientErrors.InvalidOption(nameof(ConnectTimeout), "it must be positive");
        if (UploadThrottle < TimeSpan.Zero)
            throw ClientErrors.InvalidOption(nameof(UploadThrottle), "it must not be negative");
        if (WatchThrottle < TimeSpan.Zero)
            throw ClientErrors.InvalidOption(nameof(WatchThrottle), "it must not be negative");
        if (OtherProcessesPoll <= TimeSpan.Zero && OtherProcessesPoll != Timeout.InfiniteTimeSpan)
            throw ClientErrors.InvalidOption(nameof(OtherProcessesPoll), "it must be positive or infinite");
        if (UploadBatchSize < 1)
            throw ClientErrors.InvalidOption(nameof(UploadBatchSize), "it must be at least 1");
        if (Readers < 1)
            throw ClientErrors.InvalidOption(nameof(Readers), "it must be at least 1");
    }
}
