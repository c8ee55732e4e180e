using System.Text;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Expressions;

/// <summary>The first operand that is not null; those after it are not evaluated, so they cannot fail.</summary>
internal sealed class CoalesceExpression(Expression[] operands) : Expression
{
    public IReadOnlyList<Expression> Operands => operands;

    public override SqlValue Evaluate(EvaluationContext context)
    {
        foreach (var operand in operands)
        {
            var value = operand.Evaluate(context);
            if (!value.IsNull)
                return value;
        }
        return SqlValue.Null;
    }

    public override void Print(StringBuilder target) => PrintCall(target, "coalesce", operands);
}
