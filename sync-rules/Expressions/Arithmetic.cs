using System.Text;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Expressions;

/// <summary><c>+ - * /</c>: text counts by its numeric prefix, overflow turns real, division by zero is null.</summary>
/// <param name="operation">Which of them.</param>
/// <param name="left">First operand.</param>
/// <param name="right">Second operand.</param>
/// <param name="isExact">As in SQLite, which knows infinity.</param>
internal sealed class ArithmeticExpression(BinaryOperator operation, Expression left, Expression right, bool isExact) : Expression
{
    public Expression Left => left;

    public Expression Right => right;

    public override SqlValue Evaluate(EvaluationContext context)
    {
        var leftValue = SqlCast.ToOperand(left.Evaluate(context), isExact);
        var rightValue = SqlCast.ToOperand(right.Evaluate(context), isExact);
        if (leftValue.IsNull || rightValue.IsNull)
            return SqlValue.Null;
        if (leftValue.Kind == SqlKind.Integer && rightValue.Kind == SqlKind.Integer && Whole(leftValue.Integer, rightValue.Integer) is { } whole)
            return whole;
        var first = leftValue.Kind == SqlKind.Integer ? leftValue.Integer : leftValue.Real;
        var second = rightValue.Kind == SqlKind.Integer ? rightValue.Integer : rightValue.Real;
        if (operation == BinaryOperator.Divide && second == 0)
            return SqlValue.Null;
        return SqlCast.Real(
            operation switch
            {
                BinaryOperator.Add => first + second,
                BinaryOperator.Subtract => first - second,
                BinaryOperator.Multiply => first * second,
                _ => first / second,
            },
            isExact);
    }

    // Null when the result does not fit into 64 bits.
    private SqlValue? Whole(long left, long right)
    {
        if (operation == BinaryOperator.Divide)
        {
            if (right == 0)
                return SqlValue.Null;
            return left == long.MinValue && right == -1 ? null : SqlValue.FromInteger(left / right);
        }
        var wide = operation switch
        {
            BinaryOperator.Add => (Int128)left + right,
            BinaryOperator.Subtract => (Int128)left - right,
            _ => (Int128)left * right,
        };
        return wide >= long.MinValue && wide <= long.MaxValue ? SqlValue.FromInteger((long)wide) : null;
    }

    public override void Print(StringBuilder target) => PrintCall(target, operation + (isExact ? "!" : ""), left, right);
}

/// <summary><c>% &amp; | &lt;&lt; >></c> on integers, as SQLite computes them: text counts by its leading integer, reals lose their fraction.</summary>
internal sealed class BitwiseExpression(BinaryOperator operation, Expression left, Expression right) : Expression
{
    public BinaryOperator Operation => operation;

    public Expression Left => left;

    public Expression Right => right;

    public override SqlValue Evaluate(EvaluationContext context)
    {
        var leftValue = left.Evaluate(context);
        var rightValue = right.Evaluate(context);
        if (leftValue.IsNull || rightValue.IsNull)
            return SqlValue.Null;
        var first = SqlCast.ToInteger(leftValue, truncates: true).Integer;
        var second = SqlCast.ToInteger(rightValue, truncates: true).Integer;
        if (operation == BinaryOperator.Modulo)
        {
            if (second == 0)
                return SqlValue.Null;
            var rest = second == -1 ? 0 : first % second;
            return IsReal(leftValue) || IsReal(rightValue) ? SqlValue.FromReal(rest) : SqlValue.FromInteger(rest);
        }
        return SqlValue.FromInteger(operation switch
        {
            BinaryOperator.BitAnd => first & second,
            BinaryOperator.BitOr => first | second,
            BinaryOperator.ShiftLeft => Shift(first, second),
            _ => Shift(first, second == long.MinValue ? long.MaxValue : -second),
        });
    }

    private static bool IsReal(in SqlValue value) => SqlCast.ToOperand(value, isExact: true).Kind == SqlKind.Real;

    // A negative distance shifts the other way; 64 and more shift everything out, keeping the sign to the right.
    private static long Shift(long value, long distance) => distance switch
    {
        >= 64 => 0,
        >= 0 => value << (int)distance,
        <= -64 => value < 0 ? -1 : 0,
        _ => value >> (int)-distance,
    };

    public override void Print(StringBuilder target) => PrintCall(target, operation.ToString(), left, right);
}
