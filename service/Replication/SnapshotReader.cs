using System.Runtime.CompilerServices;

namespace TopGun.Buckets.Replication;

/// <summary>Reads the tables that are not read yet, chunk by chunk, each chunk as of the moment it is read.</summary>
/// <remarks>
/// The slot exists already, so every change made meanwhile comes through the stream as well. Once the stream has reached the end of WAL as it
/// was after the last chunk, rows that were read at different moments agree again.
/// </remarks>
internal sealed class SnapshotReader(
    ISourceSession session,
    ChangeSourceOptions options,
    ReplicationProgress progress,
    SnapshotMeter meter,
    SlotMeter slotMeter,
    TimeProvider time,
    IReadOnlyList<SourceTableInfo> tables)
{
    private static readonly TimeSpan SlotCheckInterval = TimeSpan.FromSeconds(30);

    private RowBuffer _front = new();
    private RowBuffer _back = new();
    private long _slotChecked = time.GetTimestamp();

    public async IAsyncEnumerable<SourceEvent> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var unread in progress.Started.Tables.Where(table => !table.Done).ToList())
        {
            if (tables.FirstOrDefault(table => table.Table.RelationId == unread.RelationId) is not { } table)
            {
                progress.Replace(unread with { Done = true }); // dropped meanwhile: nothing is left to read
                continue;
            }
            var (chunks, current) = await BeginAsync(session, options, table, unread, cancellationToken);
            await foreach (var rows in ReadTableAsync(table, chunks, current, cancellationToken))
                yield return rows;
        }
        var end = await session.ReadInsertPositionAsync(cancellationToken);
        progress.State = progress.Started with { SnapshotDone = true, VisibleFrom = end };
        meter.End(progress.State);
        yield return new SnapshotEnded(progress.State);
    }

    /// <summary>By blocks where that can be: in the order of the disk, and without need of a key.</summary>
    public static async ValueTask<(IChunks Chunks, TableProgress Current)> BeginAsync(
        ISourceSession session, ChangeSourceOptions options, SourceTableInfo table, TableProgress current, CancellationToken cancellationToken)
    {
        if (await session.FindFileAsync(table, cancellationToken) is { } file)
            return (new BlockChunks(session, options, table), current.File == file.Id ? current : BlockChunks.Begin(current, file));
        return (new KeyChunks(session, options, table), current);
    }

    private async IAsyncEnumerable<SnapshotRows> ReadTableAsync(
        SourceTableInfo table, IChunks chunks, TableProgress current, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var reading = chunks.ReadAsync(current, _front, cancellationToken).AsTask();
        try
        {
            while (!current.Done)
            {
                current = await reading;
                var rows = _front;
                await CheckSlotAsync(cancellationToken);
                if (!current.Done)
                {
                    // The next chunk is read while this one is worked on.
                    (_front, _back) = (_back, _front);
                    reading = chunks.ReadAsync(current, _front, cancellationToken).AsTask();
                }
                var state = progress.Replace(current);
                meter.Note(state, rows.ByteCount);
                yield return new SnapshotRows(state, table.Table, rows);
            }
        }
        finally
        {
            // Left early, the session is still reading; it must not be closed under the read.
            await ((Task)reading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    /// <summary>A snapshot of hours must not end with a slot that was lost in its first minutes.</summary>
    private async ValueTask CheckSlotAsync(CancellationToken cancellationToken)
    {
        if (time.GetElapsedTime(_slotChecked) < SlotCheckInterval)
            return;
        _slotChecked = time.GetTimestamp();
        var name = progress.Started.Slot;
        var slot = await session.FindSlotAsync(name, cancellationToken)
            ?? throw SourceFailure.SlotLost(name, "it was dropped during the snapshot");
        if (slot.WalStatus == "lost")
            throw SourceFailure.SlotLost(name, $"it was invalidated during the snapshot: {Handshake.WhyInvalidated(slot)}");
        await slotMeter.NoteAsync(session, slot, cancellationToken);
    }
}
