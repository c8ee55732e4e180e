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

    private static async ValueTask<SlotStatus?> TrustAsync(ValueTask<SlotStatus?> finding) =>
        await finding is { } slot ? slot with { ConfirmedFlush = new Lsn(1) } : null;

    private static async ValueTask SkipAsync(SourceTableInfo table, RowBuffer rows, ValueTask reading)
    {
        await reading;
        var columns = table.Table.Columns.Count;
        var row = new SourceRow();
        List<(SourceValueKind Kind, byte[] Text)> kept = [];
        for (var index = 1; index < rows.RowCount; index++)
        {
            rows.Read(index, row);
            for (var column = 0; column < columns; column++)
                kept.Add((row[column].Kind, row[column].Text.ToArray()));
        }
        rows.Clear(columns);
        foreach (var (kind, text) in kept)
            rows.Add(kind, text);
    }
}
