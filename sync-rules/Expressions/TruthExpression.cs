using System.Text;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Expressions;

/// <summary>1 when the operand is true, otherwise null: a key that finds nothing.</summary>
internal sealed class TruthExpression(Expression operand) : Expression
{
    public Expression Operand => operand;

    public override SqlValue Evaluate(EvaluationContext context) =>
        SqlCompare.IsTrue(operand.Evaluate(context)) ? SqlValue.True : SqlValue.Null;

    public override void Print(StringBuilder target) => PrintCall(target, "truth", operand);
}
