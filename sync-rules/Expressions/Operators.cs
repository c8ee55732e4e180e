using System.Text;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Expressions;

/// <summary>NOT. Two-valued, of null it is true; three-valued, of null it is null.</summary>
internal sealed class NotExpression(Expression operand, bool isThreeValued) : Expression
{
    public Expression Operand => operand;

    public override SqlValue Evaluate(EvaluationContext context)
    {
        var value = operand.Evaluate(context);
        return value.IsNull && isThreeValued ? SqlValue.Null : SqlValue.FromBoolean(!SqlCompare.IsTrue(value));
    }

    public override void Print(StringBuilder target) => PrintCall(target, isThreeValued ? "not3" : "not", operand);
}

/// <summary>AND and OR. Two-valued, null counts as false; three-valued, it is unknown unless the other side decides.</summary>
internal sealed class LogicalExpression(bool isAnd, bool isThreeValued, Expression left, Expression right) : Expression
{
    public bool IsAnd => isAnd;

    public Expression Left => left;

    public Expression Right => right;

    // Both sides are always evaluated: a side that fails must fail the row whatever the other side says.
    public override SqlValue Evaluate(EvaluationContext context)
    {
        var leftValue = left.Evaluate(context);
        var rightValue = right.Evaluate(context);
        var leftTrue = SqlCompare.IsTrue(leftValue);
        var rightTrue = SqlCompare.IsTrue(rightValue);
        if (isThreeValued && (leftValue.IsNull || rightValue.IsNull))
        {
            var isDecided = isAnd
                ? (!leftValue.IsNull && !leftTrue) || (!rightValue.IsNull && !rightTrue)
                : leftTrue || rightTrue;
            return isDecided ? SqlValue.FromBoolean(!isAnd) : SqlValue.Null;
        }
        return SqlValue.FromBoolean(isAnd ? leftTrue && rightTrue : leftTrue || rightTrue);
    }

    public override void Print(StringBuilder target) =>
        PrintCall(target, (isAnd ? "and" : "or") + (isThreeValued ? "3" : ""), left, right);
}

internal sealed class CompareExpression(BinaryOperator comparison, Expression left, Expression right) : Expression
{
    public BinaryOperator Comparison => comparison;

    public Expression Left => left;

    public Expression Right => right;

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

/// <param name="test">What is asked.</param>
/// <param name="negated">IS NOT.</param>
/// <param name="byTruth">TRUE and FALSE mean any true and false value, as in SQLite; otherwise exactly 1 and 0.</param>
/// <param name="operand">Of what.</param>
internal sealed class IsExpression(IsTest test, bool negated, bool byTruth, Expression operand) : Expression
{
    public override SqlValue Evaluate(EvaluationContext context)
    {
        var value = operand.Evaluate(context);
        var holds = test switch
        {
            IsTest.Null => value.IsNull,
            _ when byTruth => !value.IsNull && SqlCompare.IsTrue(value) == (test == IsTest.True),
            IsTest.True => !value.IsNull && SqlCompare.AreEqual(value, SqlValue.True),
            _ => !value.IsNull && SqlCompare.AreEqual(value, SqlValue.False),
        };
        return SqlValue.FromBoolean(holds != negated);
    }

    public override void Print(StringBuilder target) => PrintCall(target, (negated ? "isnot" : "is") + test + (byTruth ? "!" : ""), operand);
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
    /// <summary>What it may give.</summary>
    public IEnumerable<Expression> Results => otherwise is null ? thens : thens.Append(otherwise);

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
/// <param name="isExact">As in SQLite: reals become integers towards zero, and whole reals keep a point in text.</param>
/// <param name="operand">What is converted.</param>
internal sealed class CastExpression(CastTarget type, bool isExact, Expression operand) : Expression
{
    public CastTarget Type => type;

    public override SqlValue Evaluate(EvaluationContext context)
    {
        var value = operand.Evaluate(context);
        return type switch
        {
            CastTarget.Text when isExact && !value.IsNull => SqlValue.FromText(SqlCast.ExactTextOf(value, context.Scratch)),
            CastTarget.Text => SqlCast.ToText(value, context.Scratch),
            CastTarget.Integer => SqlCast.ToInteger(value, truncates: isExact),
            CastTarget.Real => SqlCast.ToReal(value),
            CastTarget.Numeric => SqlCast.ToNumeric(value),
            _ => SqlCast.ToBlob(value, context.Scratch),
        };
    }

    public override void Print(StringBuilder target) => PrintCall(target, "cast" + type + (isExact ? "!" : ""), operand);
}

/// <param name="left">First part.</param>
/// <param name="right">Second part.</param>
/// <param name="isExact">Whole reals keep a point, as in SQLite.</param>
internal sealed class ConcatExpression(Expression left, Expression right, bool isExact) : Expression
{
    public override SqlValue Evaluate(EvaluationContext context)
    {
        var leftValue = left.Evaluate(context);
        var rightValue = right.Evaluate(context);
        if (leftValue.IsNull || rightValue.IsNull)
            return SqlValue.Null;
        var first = isExact ? SqlCast.ExactTextOf(leftValue, context.Scratch) : SqlCast.TextOf(leftValue, context.Scratch);
        var second = isExact ? SqlCast.ExactTextOf(rightValue, context.Scratch) : SqlCast.TextOf(rightValue, context.Scratch);
        var room = context.Scratch.Take(first.Length + second.Length);
        first.Span.CopyTo(room.Span);
        second.Span.CopyTo(room.Span[first.Length..]);
        return SqlValue.FromText(room);
    }

    public override void Print(StringBuilder target) => PrintCall(target, isExact ? "concat!" : "concat", left, right);
}
