using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>One table under two sets of rules that have no output in common: those in force and what is being built beside them.</summary>
internal sealed class UnitedEvaluator(TableEvaluator first, TableEvaluator second) : TableEvaluator
{
    public override bool IsUsed => first.IsUsed || second.IsUsed;

    public override bool Reads(int column) => first.Reads(column) || second.Reads(column);

    public override void Evaluate(SourceRow row, IRowSink sink)
    {
        first.Evaluate(row, sink);
        second.Evaluate(row, sink);
    }
}
