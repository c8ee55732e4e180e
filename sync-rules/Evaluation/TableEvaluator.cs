namespace TopGun.Buckets.SyncRules;

/// <summary>The part of the rules that concerns one table, with column names resolved to positions. Made once per table definition.</summary>
/// <remarks>Pure but not thread-safe: it reuses its buffers, so evaluating a row allocates nothing.</remarks>
public abstract class TableEvaluator
{
    /// <summary>Whether any query reads the table at all; rows of others can be skipped.</summary>
    public abstract bool IsUsed { get; }

    /// <summary>Whether any query reads the column at that position; values of others may be missing.</summary>
    public virtual bool Reads(int column) => true;

    /// <summary>Evaluates every data and parameter query that reads the table.</summary>
    /// <param name="row">Complete row: no value may be absent or unchanged, except in columns that no query reads.</param>
    /// <param name="sink">Receives the results, in the same order for the same rules and row.</param>
    public abstract void Evaluate(SourceRow row, IRowSink sink);
}
