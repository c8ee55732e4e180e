using Microsoft.Extensions.Logging;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>Works beside the stream: reads the tables that are to be read, part by part, and hands each part to the reader of the stream.</summary>
/// <remarks>
/// One part is on its way while the next is read, so memory holds two, and a stream that is behind holds the reading back. After the last part the
/// catalogue is asked once more: a table whose rows changed meanwhile without events is read again from its beginning.
/// </remarks>
internal sealed partial class RefreshReader(
    ISource source,
    ChangeSourceOptions options,
    ReplicationProgress progress,
    SourceWatch watch,
    Errands errands,
    DeliveredTransactions delivered,
    TimeProvider time,
    ILogger logger)
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    private TaskCompletionSource _woken = NewSignal();
    private RowBuffer _front = new();
    private RowBuffer _back = new();

    /// <summary>There may be something to read.</summary>
    public void Wake() => Interlocked.Exchange(ref _woken, NewSignal()).TrySetResult();

    /// <summary>Runs until cancelled. What goes wrong with the connection is tried again; if the server is gone, the reader of the stream notices too.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                var woken = Volatile.Read(ref _woken);
                if (FindUnread() is null)
                {
                    await WaitAsync(woken, cancellationToken);
                    continue;
                }
                await using var session = await source.OpenSessionAsync(cancellationToken);
                while (FindUnread() is { } table && await ReadAsync(session, table, cancellationToken))
                {
                }
                if (FindUnread() is not null)
                    await Task.Delay(RetryDelay, time, cancellationToken); // a table that is gone: the next look into the catalogue tells what to do
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return; // the stream ended
            }
            catch (BucketsException failure)
            {
                Log.Failed(logger, failure.Code, failure.Message);
                await DelayAsync(cancellationToken);
            }
        }
    }

    private TableProgress? FindUnread() => progress.Started.Tables.FirstOrDefault(table => table is { IsStaged: true, Done: false, IsVoid: false });

    /// <summary>Reads a table to its end, or until what was read of it is void.</summary>
    /// <returns>Whether to go on with what is left then.</returns>
    private async ValueTask<bool> ReadAsync(ISourceSession session, TableProgress begun, CancellationToken cancellationToken)
    {
        if (await FindAsync(session, begun, cancellationToken) is not { } table)
            return false;
        if (begun is { NextBlock: 0, LastKey: null })
            await delivered.SettleAsync(session, () => Log.Settling(logger), cancellationToken); // what came before is not kept aside
        Log.Reading(logger, begun.Schema, begun.Name, begun.Stale?.Reason ?? "", begun.RowCount);
        var (chunks, current) = await SnapshotReader.BeginAsync(session, options, table, begun, cancellationToken);
        Errand? onItsWay = null;
        while (!current.Done)
        {
            current = await chunks.ReadAsync(current, _front, cancellationToken);
            if (onItsWay is not null)
                await onItsWay.WaitAsync(cancellationToken);
            if (progress.Find(begun.RelationId) is not { IsStaged: true } now || now.Attempt != begun.Attempt)
                return true;
            onItsWay = current.Done && await FindBreakAsync(session, begun, cancellationToken) is { } broken
                ? broken
                : new RefreshChunk(table.Table, current, _front);
            await errands.HandInAsync(session, onItsWay, cancellationToken);
            (_front, _back) = (_back, _front);
        }
        if (onItsWay is not null)
            await onItsWay.WaitAsync(cancellationToken);
        return true;
    }

    private static async ValueTask<SourceTableInfo?> FindAsync(ISourceSession session, TableProgress table, CancellationToken cancellationToken)
    {
        var found = await session.FindTablesAsync([new TablePattern(table.Schema, table.Name)], cancellationToken);
        return found.FirstOrDefault(one => one.Table.RelationId == table.RelationId);
    }

    /// <summary>Whether rows may have changed without events since the table's reading began, in which case it begins again.</summary>
    private async ValueTask<SourceLook?> FindBreakAsync(ISourceSession session, TableProgress begun, CancellationToken cancellationToken)
    {
        if (await FindAsync(session, begun, cancellationToken) is not { } table || watch.FindBreak(table, begun) is not { } reason)
            return null;
        return new SourceLook { Tables = [new TableFinding(table, reason, Replaces: 0, begun.Attempt)] };
    }

    private async Task DelayAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Task.Delay(RetryDelay, time, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The stream ended.
        }
    }

    private static async Task WaitAsync(TaskCompletionSource woken, CancellationToken cancellationToken)
    {
        await using var registration = cancellationToken.UnsafeRegister(
            static (woken, token) => ((TaskCompletionSource)woken!).TrySetCanceled(token), woken);
        await woken.Task;
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static partial class Log
    {
        [LoggerMessage(1140, LogLevel.Information, "Reading table {Schema}.{Table} beside the stream, because {Reason}; {RowCount} rows were read before.")]
        public static partial void Reading(ILogger logger, string schema, string table, string reason, long rowCount);

        [LoggerMessage(1142, LogLevel.Warning, "A table cannot be read yet: the server has not finished transactions that it has sent already. They wait for a synchronous standby (pg_stat_activity shows SyncRep).")]
        public static partial void Settling(ILogger logger);

        [LoggerMessage(1141, LogLevel.Warning, "Reading tables beside the stream was interrupted ({Code}: {Message}); it goes on where it was.")]
        public static partial void Failed(ILogger logger, string code, string message);
    }
}

/// <summary>A part of a table, on its way to the reader of the stream.</summary>
/// <param name="table">The table.</param>
/// <param name="progress">How far it has been read with this part.</param>
/// <param name="rows">The part's rows; valid until the errand is complete.</param>
internal sealed class RefreshChunk(SourceTable table, TableProgress progress, RowBuffer rows) : Errand
{
    public SourceTable Table => table;

    public TableProgress Progress => progress;

    public RowBuffer Rows => rows;
}
