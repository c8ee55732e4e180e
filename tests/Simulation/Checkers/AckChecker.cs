using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Source;
using TopGun.Buckets.Tests.Simulation.Store;
using TopGun.Buckets.Tests.Simulation.Workload;

namespace TopGun.Buckets.Tests.Simulation.Checkers;

/// <summary>C-ACK: the source is never told to forget a transaction that the store does not hold.</summary>
/// <remarks>
/// Looked at from two sides: the position that the store names must cover every transaction that changed a row, and every batch with
/// operations that was shown must be in the store itself.
/// </remarks>
internal sealed class AckChecker
{
    private readonly SimLoop _loop;
    private readonly SimPostgres _source;
    private readonly SimDisk _disk;
    private readonly OpHistory _history;
    private Lsn _snapshotFrom;

    public AckChecker(SimPostgres source, SimDisk disk, OpHistory history)
    {
        _loop = source.Loop;
        _source = source;
        _disk = disk;
        _history = history;
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
        var durable = _disk.Position;
        for (var index = _source.Commits.Count - 1; index >= 0 && _source.Commits[index] is var commit && commit.End > durable; index--)
        {
            if (commit.End <= flushed && commit.End > _snapshotFrom && ChangesRows(commit))
                Fail(flushed, $"transaction {commit.Id} at {commit.End} is not durable: the store ends at {durable}");
        }
        var shown = _history.NewestBatchUpTo(flushed);
        if (shown > _snapshotFrom && shown > _disk.LastBatch)
            Fail(flushed, $"the operations shown for {shown} are not durable: those stored end at {_disk.LastBatch}");
    }

    private void Fail(Lsn flushed, string what) => _loop.Fail("C-ACK", $"{flushed} was acknowledged, but {what}.");

    private static bool ChangesRows(SimCommit commit) => commit.Changes.Any(change =>
        change.Kind is not SimChangeKind.Message
        && change.Tables.Any(table => table != TodoApp.Uploads)
        && (change.OldRow is null || change.NewRow is null || !change.OldRow.Values.SequenceEqual(change.NewRow.Values)));
}
