using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Reads all rows of <c>json_each</c> calls, or all elements of arrays, at once.</summary>
internal static class EachReading
{
    /// <exception cref="EvaluationException">The input is not JSON, or no array where one is needed.</exception>
    public static void Read(EachSource source, EvaluationContext context, bool nullIsText, List<(SqlValue Key, SqlValue Value)> rows) =>
        Read(source, source.Input.Evaluate(context), context, nullIsText, rows);

    /// <param name="source">The call.</param>
    /// <param name="input">What it reads.</param>
    /// <param name="context">Memory for the values.</param>
    /// <param name="nullIsText">JSON null is the text <c>null</c>.</param>
    /// <param name="rows">Where rows are added.</param>
    /// <exception cref="EvaluationException">The input is not JSON, or no array where one is needed.</exception>
    public static void Read(
        EachSource source, in SqlValue input, EvaluationContext context, bool nullIsText, List<(SqlValue Key, SqlValue Value)> rows)
    {
        var reader = new EachReader(source, input, context.Scratch, nullIsText);
        while (reader.TryRead(out var key, out var value))
            rows.Add((key, value));
    }
}
