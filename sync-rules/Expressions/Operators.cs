using System.Text;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Expressions;

/// <summary>Two-valued NOT: of null it is true.</summary>
internal sealed class NotExpression(Expression operand) : Expression
{
    public override SqlValue Evaluate(EvaluationContext context) =>
        SqlValue.FromBoolean(!SqlCompare.IsTrue(operand.Evaluate(context)));

    public override void Print(StringBuilder target) => PrintCall(target, "not", operand);
}

/// <summary>Two-valued AND and OR.</summary>
internal sealed class LogicalExpression(bool isAnd, Expression left, Expression right) : Expression
{
    // Both sides are always evaluated: a side that fails must fail the row whatever the other side says.
    public override SqlValue Evaluate(EvaluationContext context)
    {
        var leftTrue = SqlCompare.IsTrue(left.Evaluate(context));
        var rightTrue = SqlCompare.IsTrue(right.Evaluate(context));
        return SqlValue.FromBoolean(isAnd ? leftTrue && rightTrue : leftTrue || rightTrue);
    }

    public override void Print(StringBuilder target) => PrintCall(target, isAnd ? "and" : "or", left, right);
}

internal sealed class CompareExpression(BinaryOperator comparison, Expression left, Expression right) : Expression
{
    public override SqlValue Evaluate(EvaluationContext context)
    {
        var leftValue = left.Evaluate(context);
        var rightValue = right.Evaluate(context);
        if (leftValue.IsNull || rightValue.IsNull)
            return SqlValue.Null;
        var order = SqlCompare.Compare(leftValue, rightValue);
        return SqlValue.FromBoolean(comparison switch
        {
            BinaryOperator.Equal => order == 0,
            BinaryOperator.NotEqual => order != 0,
            BinaryOperator.Less => order < 0,
            BinaryOperator.Greater => order > 0,
            BinaryOperator.LessOrEqual => order <= 0,
            _ => order >= 0,
        });
    }

    public override void Print(StringBuilder target) => PrintCall(target, comparison.ToString(), left, right);
}

internal sealed class IsExpression(IsTest test, bool negated, Expression operand) : Expression
{
    public override SqlValue Evaluate(EvaluationContext context)
    {
        var value = operand.Evaluate(context);
        var holds = test switch
        {
            IsTest.Null => value.IsNull,
            IsTest.True => !value.IsNull && SqlCompare.AreEqual(value, SqlValue.True),
            _ => !value.IsNull && SqlCompare.AreEqual(value, SqlValue.False),
        };
        return SqlValue.FromBoolean(holds != negated);
    }

    public override void Print(StringBuilder target) => PrintCall(target, (negated ? "isnot" : "is") + test, operand);
}

internal sealed class BetweenExpression(Expression operand, Expression low, Expression high) : Expression
{
    public override SqlValue Evaluate(EvaluationContext context)
    {
        var value = operand.Evaluate(context);
        var lowValue = low.Evaluate(context);
        var highValue = high.Evaluate(context);
        if (value.IsNull || lowValue.IsNull || highValue.IsNull)
            return SqlValue.Null;
        return SqlValue.FromBoolean(SqlCompare.Compare(value, lowValue) >= 0 && SqlCompare.Compare(value, highValue) <= 0);
    }

    public override void Print(StringBuilder target) => PrintCall(target, "between", operand, low, high);
}

internal sealed class CaseExpression(Expression? operand, Expression[] whens, Expression[] thens, Expression? otherwise) : Expression
{
    public override SqlValue Evaluate(EvaluationContext context)
    {
        var value = operand?.Evaluate(context) ?? SqlValue.Null;
        for (var index = 0; index < whens.Length; index++)
        {
            var when = whens[index].Evaluate(context);
            var matches = operand is null
                ? SqlCompare.IsTrue(when)
                : !value.IsNull && !when.IsNull && SqlCompare.AreEqual(value, when);
            if (matches)
                return thens[index].Evaluate(context);
        }
        return otherwise?.Evaluate(context) ?? SqlValue.Null;
    }

    public override void Print(StringBuilder target)
    {
        target.Append("(case ");
        operand?.Print(target);
        for (var index = 0; index < whens.Length; index++)
            PrintCall(target, "when", whens[index], thens[index]);
        if (otherwise is not null)
            PrintCall(target, "else", otherwise);
        target.Append(')');
    }
}

internal enum CastTarget
{
    Text,
    Integer,
    Real,
    Numeric,
    Blob,
}

/// <param name="type">What to convert to.</param>
/// <param name="truncates">Reals become integers towards zero, as in SQLite.</param>
/// <param name="operand">What is converted.</param>
internal sealed class CastExpression(CastTarget type, bool truncates, Expression operand) : Expression
{
    public override SqlValue Evaluate(EvaluationContext context)
    {
        var value = operand.Evaluate(context);
        return type switch
        {
            CastTarget.Text => SqlCast.ToText(value, context.Scratch),
            CastTarget.Integer => SqlCast.ToInteger(value, truncates),
            CastTarget.Real => SqlCast.ToReal(value),
            CastTarget.Numeric => SqlCast.ToNumeric(value),
            _ => SqlCast.ToBlob(value, context.Scratch),
        };
    }

    public override void Print(StringBuilder target) => PrintCall(target, "cast" + type, operand);
}

internal sealed class ConcatExpression(Expression left, Expression right) : Expression
{
    public override SqlValue Evaluate(EvaluationContext context)
    {
        var leftValue = left.Evaluate(context);
        var rightValue = right.Evaluate(context);
        if (leftValue.IsNull || rightValue.IsNull)
            return SqlValue.Null;
        var first = SqlCast.TextOf(leftValue, context.Scratch);
        var second = SqlCast.TextOf(rightValue, context.Scratch);
        var room = context.Scratch.Take(first.Length + second.Length);
        first.Span.CopyTo(room.Span);
        second.Span.CopyTo(room.Span[first.Length..]);
        return SqlValue.FromText(room);
    }

    public override void Print(StringBuilder target) => PrintCall(target, "concat", left, right);
}
