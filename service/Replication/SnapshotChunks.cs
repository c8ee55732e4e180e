using System.Text;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>A way to read a table in parts.</summary>
internal interface IChunks
{
    /// <summary>Reads the next part.</summary>
    /// <param name="current">How far the table has been read.</param>
    /// <param name="rows">Filled with the part's rows.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    /// <returns>How far it has been read with this part.</returns>
    ValueTask<TableProgress> ReadAsync(TableProgress current, RowBuffer rows, CancellationToken cancellationToken);
}

internal static class ChunkSize
{
    // A chunk is in memory twice, here and as what becomes of it; wide rows make it fewer rows, never many more bytes.
    public const int TargetBytes = 8 << 20;

    // Rows can suddenly be far wider than those before them: then the chunk is asked for again, smaller.
    public const int LimitBytes = 8 * TargetBytes;
}

/// <summary>Reads a table block by block, as it lies on the disk.</summary>
/// <remarks>
/// A row moves when it is updated: into blocks that were read already, then the stream brings it; or into some that were not, then it is read twice,
/// and whoever takes the rows in leaves the second alone. A rewrite of the table moves all rows and the stream does not tell: the file's number does,
/// and the table is read from its beginning.
/// </remarks>
internal sealed class BlockChunks(ISourceSession session, ChangeSourceOptions options, SourceTableInfo table) : IChunks
{
    private const int MostBlocks = 1 << 17; // a gigabyte of dead rows is as much as one query should go through
    private const int Growth = 4;

    private long _blocks = 1; // how wide rows are shows with the first

    public static TableProgress Begin(TableProgress current, TableFile file) => current with
    {
        File = file.Id,
        NextBlock = 0,
        EndBlock = file.BlockCount,
        LastKey = null,
        RowCount = 0,
    };

    public async ValueTask<TableProgress> ReadAsync(TableProgress current, RowBuffer rows, CancellationToken cancellationToken)
    {
        rows.Clear(table.Table.Columns.Count);
        var end = await ReadAsync(current.NextBlock, current.EndBlock, rows, cancellationToken);
        var file = await session.FindFileAsync(table, cancellationToken);
        if (file is null)
            return current with { Done = true }; // dropped meanwhile
        if (file.Id != current.File)
        {
            rows.Clear(table.Table.Columns.Count); // nobody knows in which of the two files they were
            return Begin(current, file);
        }
        Resize(end - current.NextBlock, rows);
        return current with { NextBlock = end, RowCount = current.RowCount + rows.RowCount, Done = end == current.EndBlock };
    }

    private async ValueTask<long> ReadAsync(long first, long last, RowBuffer rows, CancellationToken cancellationToken)
    {
        if (first == last)
            return last;
        while (true)
        {
            var count = Math.Min(_blocks, last - first);
            var limit = count == 1 ? int.MaxValue : ChunkSize.LimitBytes;
            if (await session.ReadBlocksAsync(table, first, first + count, limit, rows, cancellationToken))
                return first + count;
            _blocks = Math.Max(1, count / 8);
        }
    }

    private void Resize(long blocks, RowBuffer rows)
    {
        if (blocks == 0)
            return;
        var byBytes = ChunkSize.TargetBytes * blocks / Math.Max(1, rows.ByteCount);
        var byRows = options.SnapshotChunkRows * blocks / Math.Max(1, rows.RowCount);
        _blocks = Math.Clamp(Math.Min(byBytes, byRows), 1, Math.Min(MostBlocks, Growth * blocks));
    }
}

/// <summary>Reads a table in the order of its key; whole, when it has none that is of use.</summary>
internal sealed class KeyChunks(ISourceSession session, ChangeSourceOptions options, SourceTableInfo table) : IChunks
{
    private const int FirstRows = 500;

    private readonly SourceRow _lastRow = new();
    private int _limit = table.CanReadByKey ? Math.Min(FirstRows, options.SnapshotChunkRows) : int.MaxValue;

    public async ValueTask<TableProgress> ReadAsync(TableProgress current, RowBuffer rows, CancellationToken cancellationToken)
    {
        var limit = _limit;
        await session.ReadRowsAsync(table, table.CanReadByKey ? current.LastKey : [], limit, rows, cancellationToken);
        var rowBytes = Math.Max(1, rows.ByteCount / Math.Max(1, rows.RowCount));
        _limit = Math.Clamp(ChunkSize.TargetBytes / rowBytes, 1, options.SnapshotChunkRows);
        return current with
        {
            Done = rows.RowCount < limit,
            LastKey = rows.RowCount > 0 && table.CanReadByKey ? KeyOfLastRow(rows) : current.LastKey,
            RowCount = current.RowCount + rows.RowCount,
        };
    }

    private string[] KeyOfLastRow(RowBuffer rows)
    {
        rows.Read(rows.RowCount - 1, _lastRow);
        var key = new List<string>();
        for (var column = 0; column < table.Table.Columns.Count; column++)
        {
            if (table.Table.Columns[column].IsKey)
                key.Add(Encoding.UTF8.GetString(_lastRow[column].Text.Span));
        }
        return [.. key];
    }
}
