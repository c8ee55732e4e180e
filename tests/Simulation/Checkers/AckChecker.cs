using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Source;
using TopGun.Buckets.Tests.Simulation.Store;
using TopGun.Buckets.Tests.Simulation.Workload;

namespace TopGun.Buckets.Tests.Simulation.Checkers;

/// <summary>C-ACK: the source is never told to forget a transaction that the store does not hold.</summary>
/// <remarks>Only transactions that changed a row count: a position may be acknowledged past others without storing anything.</remarks>
internal sealed class AckChecker
{
    private readonly SimLoop _loop;
    private readonly SimPostgres _source;
    private readonly SimDisk _disk;
    private Lsn _snapshotFrom;

    public AckChecker(SimPostgres source, SimDisk disk)
    {
        _loop = source.Loop;
        _source = source;
        _disk = disk;
        source.Acknowledged += OnAcknowledged;
        source.SlotCreated += consistentPoint => _snapshotFrom = consistentPoint; // what committed before is read by the snapshot
    }

    /// <summary>Number of acknowledgements seen.</summary>
    public int Count { get; private set; }

    private void OnAcknowledged(Lsn flushed)
    {
        Count++;
        if (flushed > _source.InsertPosition)
            _loop.Fail("C-ACK", $"{flushed} was acknowledged, beyond the end of the log at {_source.InsertPosition}.");
        foreach (var commit in _source.Commits)
        {
            if (commit.End <= flushed && commit.End > _snapshotFrom && commit.End > _disk.LastBatch && ChangesRows(commit))
            {
                _loop.Fail(
                    "C-ACK",
                    $"{flushed} was acknowledged, but transaction {commit.Id} at {commit.End} is not durable: the store ends at {_disk.LastBatch}.");
            }
        }
    }

    private static bool ChangesRows(SimCommit commit) => commit.Changes.Any(change =>
        change.Kind is not SimChangeKind.Message
        && change.Tables.Any(table => table != TodoApp.Uploads)
        && (change.OldRow is null || change.NewRow is null || !change.OldRow.Values.SequenceEqual(change.NewRow.Values)));
}
