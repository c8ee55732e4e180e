using System.Text.Json.Nodes;
using TopGun.Buckets.Client.Streams;
using TopGun.Buckets.Client.Sync;
using TopGun.Buckets.Client.Upload;

namespace TopGun.Buckets.Client;

/// <summary>Where the connection stands.</summary>
public enum ConnectionState
{
    /// <summary>Not asked to connect.</summary>
    Offline,

    /// <summary>Opening the stream.</summary>
    Connecting,

    /// <summary>The stream is open.</summary>
    Connected,

    /// <summary>Waiting before the next attempt.</summary>
    Waiting,

    /// <summary>The credentials provider returned nothing: nobody is signed in.</summary>
    NeedsCredentials,

    /// <summary>
    /// Another process, or another client, synchronises the file. What it downloads shows here, and it uploads what is written here; when it
    /// leaves, this one takes its place.
    /// </summary>
    Following,

    /// <summary>Stopped by a failure that time does not mend; see <see cref="SyncStatus.DownloadError"/>.</summary>
    Failed,
}

/// <summary>Why downloaded data does not become visible.</summary>
public enum BlockedBy
{
    /// <summary>It does.</summary>
    Nothing,

    /// <summary>Local writes have not been uploaded.</summary>
    PendingUploads,

    /// <summary>Uploaded writes have not come back.</summary>
    WriteCheckpoint,
}

/// <summary>What the client is doing, at one moment. Survives restarts where it speaks of synced data.</summary>
public sealed record SyncStatus
{
    /// <summary>Where the connection stands.</summary>
    public ConnectionState State { get; init; }

    /// <summary>Whether the stream is open.</summary>
    public bool Connected => State == ConnectionState.Connected;

    /// <summary>Whether an upload is running.</summary>
    public bool Uploading { get; init; }

    /// <summary>Operations of the checkpoint that is being downloaded, or null between checkpoints.</summary>
    public DownloadProgress? Download { get; init; }

    /// <summary>When everything was last in step with the service.</summary>
    public DateTimeOffset? LastSyncedAt { get; init; }

    /// <summary>Whether everything was in step at least once.</summary>
    public bool HasSynced => LastSyncedAt is not null;

    /// <summary>Largest priority number that is visible, while a first synchronisation is under way.</summary>
    public int? SyncedPriority { get; init; }

    /// <summary>Upload entries that wait.</summary>
    public long PendingUploads { get; init; }

    /// <summary>Upload entries that the handler put aside.</summary>
    public long ParkedUploads { get; init; }

    /// <summary>Why downloaded data does not become visible.</summary>
    public BlockedBy BlockedBy { get; init; }

    /// <summary>What went wrong with downloading; null again after the next success.</summary>
    public Exception? DownloadError { get; init; }

    /// <summary>What went wrong with uploading; null again after the next success.</summary>
    public Exception? UploadError { get; init; }

    /// <summary>The streams that the device knows: those that the app subscribed to and those that come by default, with what fails in them.</summary>
    public IReadOnlyList<StreamStatus> Streams { get; init; } = [];

    /// <summary>The write checkpoint that the visible data is at, as far as this connection has said.</summary>
    internal ulong? ShownWriteCheckpoint { get; init; }

    private long StreamReportNumber { get; init; }

    private long GateReportNumber { get; init; }

    /// <summary>What is known of one stream; null when nothing is.</summary>
    /// <param name="name">Name in the service's rules.</param>
    /// <param name="parameters">Parameters of the subscription; the order of their members does not matter.</param>
    public StreamStatus? ForStream(string name, JsonObject? parameters = null) =>
        FindStream(name, parameters is null ? null : CanonicalJson.Of(parameters));

    /// <summary>With a report on streams, unless a later one is shown already.</summary>
    internal SyncStatus With(StreamReport? report) => report is null || report.Number <= StreamReportNumber
        ? this
        : this with { Streams = report.Streams, StreamReportNumber = report.Number };

    /// <summary>With a report on the write gate, unless a later one is shown already.</summary>
    internal SyncStatus With(GateReport? report) => report is not { } gate || gate.Number <= GateReportNumber
        ? this
        : this with { BlockedBy = gate.State, GateReportNumber = gate.Number };

    internal StreamStatus? FindStream(string name, string? canonicalParameters) =>
        Streams.FirstOrDefault(stream => stream.Name == name && stream.Parameters == canonicalParameters);

    /// <summary>Whether everything up to this priority number is visible.</summary>
    public bool HasSyncedPriority(int priority) => HasSynced || SyncedPriority >= priority;
}
