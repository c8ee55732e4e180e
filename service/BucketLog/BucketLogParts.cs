using Microsoft.Extensions.Logging;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog;

/// <summary>What the bucket log asks of the source.</summary>
/// <param name="Acknowledge">Told the position up to which everything is durable; only grows within a generation. Must not block or throw.</param>
/// <param name="MissingRows">Reads rows again whose large values a change left out; null refuses such changes with TGB1204.</param>
public sealed record LogSource(Action<Lsn> Acknowledge, IMissingRows? MissingRows = null)
{
    /// <summary>
    /// Asks how far the source is, and makes it tell when the stream is there. Until then what the log does by itself (deployments, rows sent again) waits
    /// after a crash; null leaves it waiting until as much has come again as may have been shown.
    /// </summary>
    public Func<CancellationToken, Task<Lsn>>? AskPosition { get; init; }

    /// <summary>
    /// Told of which tables rows are wanted, when a deployment changes that; <see cref="ReplicationState.Tables"/> says how far it is. Must not block
    /// or throw. Null for a source that gives every table there is.
    /// </summary>
    public Action<IReadOnlyList<TablePattern>>? Follow { get; init; }
}

/// <summary>Everything that is not a function, from outside.</summary>
public sealed record BucketLogEnvironment(TimeProvider Time, Random Random, ILogger<BucketLogWriter> Logger)
{
    /// <summary>Told of each transaction, when somebody wants to know.</summary>
    public BucketLogMetrics? Metrics { get; init; }

    /// <summary>A simulation's.</summary>
    public IFaultPoints? Faults { get; init; }
}

/// <summary>Where the source has to go on; for <see cref="IChangeSource.ReadAsync"/>.</summary>
/// <param name="State">State stored last; null asks for a snapshot.</param>
/// <param name="Position">End position of the last transaction that is stored.</param>
public sealed record LogStart(ReplicationState? State, Lsn Position)
{
    /// <summary>Whether the source has to be read from the beginning.</summary>
    public bool IsEmpty => State is not { IsVoid: false };

    /// <summary>End position of a transaction of which a part is stored: the rest of it is expected. <see cref="Lsn.None"/> when there is none.</summary>
    public Lsn Begun { get; init; }
}
