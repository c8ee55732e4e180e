using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>What asking the source is made to do wrong.</summary>
internal static class MutantSessions
{
    /// <summary>Whatever slot there is stands where it was left.</summary>
    public static object? TrustRecreatedSlot(string method, object?[] arguments, Func<object?> call) => method == nameof(ISourceSession.FindSlotAsync)
        ? TrustAsync((ValueTask<SlotStatus?>)call()!)
        : call();

    /// <summary>A chunk begins one row after where it should.</summary>
    public static object? SkipRowAtChunk(string method, object?[] arguments, Func<object?> call) =>
        method == nameof(ISourceSession.ReadRowsAsync) && arguments[1] is IReadOnlyList<string> { Count: > 0 }
            ? SkipAsync((SourceTableInfo)arguments[0]!, (RowBuffer)arguments[3]!, (ValueTask)call()!)
            : call();

    /// <summary>Messages are lost on their way to the source.</summary>
    public static object? MarkerNotEmitted(string method, object?[] arguments, Func<object?> call) =>
        method == nameof(ISourceSession.EmitMessageAsync) ? ValueTask.CompletedTask : call();

    /// <summary>Numbers are read with fewer digits than they are streamed with, as a server does that was not told otherwise.</summary>
    public static object? OtherForm(string method, object?[] arguments, Func<object?> call) => method switch
    {
        nameof(ISourceSession.ReadBlocksAsync) => RoundBlocksAsync((SourceTableInfo)arguments[0]!, (RowBuffer)arguments[4]!, (ValueTask<bool>)call()!),
        nameof(ISourceSession.ReadRowsAsync) => RoundAsync((SourceTableInfo)arguments[0]!, (RowBuffer)arguments[3]!, (ValueTask)call()!),
        _ => call(),
    };

    private static async ValueTask<bool> RoundBlocksAsync(SourceTableInfo table, RowBuffer rows, ValueTask<bool> reading)
    {
        var isWhole = await reading;
        await RoundAsync(table, rows, ValueTask.CompletedTask);
        return isWhole;
    }

    private static async ValueTask RoundAsync(SourceTableInfo table, RowBuffer rows, ValueTask reading)
    {
        await reading;
        Rewrite(table, rows, first: 0, static text => text.AsSpan().SequenceEqual("0.30000000000000004"u8) ? [.. "0.3"u8] : text);
    }

    private static async ValueTask<SlotStatus?> TrustAsync(ValueTask<SlotStatus?> finding) =>
        await finding is { } slot ? slot with { ConfirmedFlush = new Lsn(1) } : null;

    private static async ValueTask SkipAsync(SourceTableInfo table, RowBuffer rows, ValueTask reading)
    {
        await reading;
        Rewrite(table, rows, first: 1, static text => text);
    }

    /// <summary>Leaves in the buffer what there was from one row on, with other texts.</summary>
    private static void Rewrite(SourceTableInfo table, RowBuffer rows, int first, Func<byte[], byte[]> change)
    {
        var columns = table.Table.Columns.Count;
        var row = new SourceRow();
        List<(SourceValueKind Kind, byte[] Text)> kept = [];
        for (var index = first; index < rows.RowCount; index++)
        {
            rows.Read(index, row);
            for (var column = 0; column < columns; column++)
                kept.Add((row[column].Kind, change(row[column].Text.ToArray())));
        }
        rows.Clear(columns);
        foreach (var (kind, text) in kept)
            rows.Add(kind, text);
    }
}
