using TopGun.Buckets.Replication;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>What the first look at a change found out.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Binding">The table; null for a truncate and for tables that no rule reads.</param>
/// <param name="Slot">The row in the working set.</param>
/// <param name="OldSlot">The row under its old key, when the key changed; otherwise −1.</param>
/// <param name="Missing">Columns that an update left out; null when it left out none.</param>
internal readonly record struct PlannedChange(RowChangeKind Kind, TableBinding? Binding, int Slot, int OldSlot, int[]? Missing);
