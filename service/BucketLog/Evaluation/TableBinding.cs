using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>One definition of a source table, with what evaluation needs of it. Made once per definition.</summary>
/// <param name="table">The table.</param>
/// <param name="evaluator">Rules bound to it.</param>
/// <param name="number">The table's number: the same for all definitions that share a row key. Part of keys and subkeys.</param>
/// <param name="layout">Number of this definition; row images name it.</param>
/// <param name="isLive">Whether changes under this definition are changes of the live rows.</param>
/// <param name="stage">Where they are staged, while the table is being read again.</param>
internal sealed class TableBinding(SourceTable table, TableEvaluator evaluator, int number, int layout, bool isLive, TableStage? stage)
{
    public SourceTable Table => table;

    public TableEvaluator Evaluator => evaluator;

    public int Number => number;

    public int Layout => layout;

    public bool IsLive => isLive;

    public TableStage? Stage => stage;

    /// <summary>Positions of the key columns; empty for a table whose rows can only be inserted.</summary>
    public int[] KeyColumns { get; } = KeyColumnsOf(table);

    public string DisplayName => $"{table.Schema}.{table.Name}";

    /// <summary>A definition whose changes are of no concern, at least not yet.</summary>
    public static TableBinding Ignored(SourceTable table, TableEvaluator evaluator) =>
        new(table, evaluator, number: 0, layout: 0, isLive: false, stage: null);

    public static int[] KeyColumnsOf(SourceTable table)
    {
        if (table.Identity == ReplicaIdentity.Nothing)
            return [];
        List<int> keys = [];
        for (var column = 0; column < table.Columns.Count; column++)
        {
            if (table.Columns[column].IsKey)
                keys.Add(column);
        }
        // Without a primary key the whole row is the key under identity full.
        return keys.Count == 0 && table.Identity == ReplicaIdentity.Full ? [.. Enumerable.Range(0, table.Columns.Count)] : [.. keys];
    }
}
