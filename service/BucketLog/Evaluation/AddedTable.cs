using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>A table whose stored rows are given to rules that are being built.</summary>
/// <param name="Table">Its newest definition; rows of an earlier one are read as if they had been stored under it.</param>
/// <param name="Layout">Number of that definition.</param>
/// <param name="KeyColumns">Positions of its key columns.</param>
/// <param name="Evaluator">What the rules add, bound to the table.</param>
internal sealed record AddedTable(SourceTable Table, int Layout, int[] KeyColumns, TableEvaluator Evaluator);
