using System.Runtime.CompilerServices;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>Reads the tables that are not read yet, chunk by chunk in key order, each chunk as of the moment it is read.</summary>
/// <remarks>
/// The slot exists already, so every change made meanwhile comes through the stream as well. Once the stream has reached the end of WAL as it
/// was after the last chunk, rows that were read at different moments agree again.
/// </remarks>
internal sealed class SnapshotReader(
    ISourceSession session,
    ChangeSourceOptions options,
    ReplicationProgress progress,
    TimeProvider time,
    IReadOnlyList<SourceTableInfo> tables)
{
    // A chunk is in memory twice, here and as what becomes of it; wide rows make it fewer rows, never many more bytes.
    private const int TargetChunkBytes = 8 << 20;
    private const int FirstChunkRows = 500;
    private static readonly TimeSpan SlotCheckInterval = TimeSpan.FromMinutes(2);

    private readonly SourceRow _lastRow = new();
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
            await foreach (var rows in ReadTableAsync(table, unread, cancellationToken))
                yield return rows;
        }
        var end = await session.ReadInsertPositionAsync(cancellationToken);
        progress.State = progress.Started with { SnapshotDone = true, VisibleFrom = end };
        yield return new SnapshotEnded(progress.State);
    }

    private async IAsyncEnumerable<SnapshotRows> ReadTableAsync(
        SourceTableInfo table, TableProgress current, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var limit = table.CanReadByKey ? Math.Min(FirstChunkRows, options.SnapshotChunkRows) : int.MaxValue;
        var reading = ReadChunkAsync(table, current.LastKey, limit, _front, cancellationToken);
        try
        {
            while (!current.Done)
            {
                await reading;
                var rows = _front;
                current = current with
                {
                    Done = rows.RowCount < limit,
                    LastKey = rows.RowCount > 0 && table.CanReadByKey ? KeyOfLastRow(table.Table, rows) : current.LastKey,
                    RowCount = current.RowCount + rows.RowCount,
                };
                await CheckSlotAsync(cancellationToken);
                if (!current.Done)
                {
                    // The next chunk is read while this one is worked on.
                    limit = NextLimit(rows);
                    (_front, _back) = (_back, _front);
                    reading = ReadChunkAsync(table, current.LastKey, limit, _front, cancellationToken);
                }
                yield return new SnapshotRows(progress.Replace(current), table.Table, rows);
            }
        }
        finally
        {
            // Left early, the session is still reading; it must not be closed under the read.
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    private Task ReadChunkAsync(
        SourceTableInfo table, IReadOnlyList<string>? afterKey, int limit, RowBuffer rows, CancellationToken cancellationToken) =>
        session.ReadRowsAsync(table, table.CanReadByKey ? afterKey : [], limit, rows, cancellationToken).AsTask();

    private int NextLimit(RowBuffer rows)
    {
        var rowBytes = Math.Max(1, rows.ByteCount / Math.Max(1, rows.RowCount));
        return Math.Clamp(TargetChunkBytes / rowBytes, 1, options.SnapshotChunkRows);
    }

    private string[] KeyOfLastRow(SourceTable table, RowBuffer rows)
    {
        rows.Read(rows.RowCount - 1, _lastRow);
        var key = new List<string>();
        for (var column = 0; column < table.Columns.Count; column++)
        {
            if (table.Columns[column].IsKey)
                key.Add(System.Text.Encoding.UTF8.GetString(_lastRow[column].Text.Span));
        }
        return [.. key];
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
            throw SourceFailure.SlotLost(name, "it was invalidated during the snapshot");
    }
}
