using System.Text;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Expressions;

/// <summary>NOT. Of null it is true; exactly, it is null.</summary>
internal sealed class NotExpression(Expression operand, bool isExact) : Expression
{
    public Expression Operand => operand;

    public override SqlValue Evaluate(EvaluationContext context)
    {
        var value = operand.Evaluate(context);
        return value.IsNull && isExact ? SqlValue.Null : SqlValue.FromBoolean(!SqlCompare.IsTrue(value, isExact));
    }

    public override void Print(StringBuilder target) => PrintCall(target, isExact ? "not!" : "not", operand);
}

/// <summary>AND and OR. Null counts as false; exactly, it is unknown unless the other side decides.</summary>
internal sealed class LogicalExpression(bool isAnd, bool isExact, Expression left, Expression right) : Expression
{
    public bool IsAnd => isAnd;

    public Expression Left => left;

    public Expression Right => right;

    // Both sides are always evaluated: a side that fails must fail the row whatever the other side says.
    public override SqlValue Evaluate(EvaluationContext context)
    {
        var leftValue = left.Evaluate(context);
        var rightValue = right.Evaluate(context);
        var leftTrue = SqlCompare.IsTrue(leftValue, isExact);
        var rightTrue = SqlCompare.IsTrue(rightValue, isExact);
        if (isExact && (leftValue.IsNull || rightValue.IsNull))
        {
            var isDecided = isAnd
                ? (!leftValue.IsNull && !leftTrue) || (!rightValue.IsNull && !rightTrue)
                : leftTrue || rightTrue;
            return isDecided ? SqlValue.FromBoolean(!isAnd) : SqlValue.Null;
        }
        return SqlValue.FromBoolean(isAnd ? leftTrue && rightTrue : leftTrue || rightTrue);
    }

    public override void Print(StringBuilder target) =>
        PrintCall(target, (isAnd ? "and" : "or") + (isExact ? "!" : ""), left, right);
}

/// <param name="comparison">Which comparison.</param>
/// <param name="left">First operand.</param>
/// <param name="right">Second operand.</param>
/// <param name="isExact">Text orders by code point, as in SQLite; equality is the same.</param>
internal sealed class CompareExpression(BinaryOperator comparison, Expression left, Expression right, bool isExact = false) : Expression
{
    public BinaryOperator Comparison => comparison;

    public Expression Left => left;

    public Expression Right => right;

    /// <summary>Whether the answer for <paramref name="operand"/> depends on the exact order of texts.</summary>
    public bool OrdersExactly(in SqlValue operand) =>
        isExact && operand.Kind == SqlKind.Text && comparison is not (BinaryOperator.Equal or BinaryOperator.NotEqual);

    public override SqlValue Evaluate(EvaluationContext context)
    {
        var leftValue = left.Evaluate(context);
        var rightValue = right.Evaluate(context);
        if (leftValue.IsNull || rightValue.IsNull)
            return SqlValue.Null;
        var order = SqlCompare.Compare(leftValue, rightValue, isExact);
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

    public override void Print(StringBuilder target) => PrintCall(target, comparison + (isExact ? "!" : ""), left, right);
}

/// <param name="test">What is asked.</param>
/// <param name="negated">IS NOT.</param>
/// <param name="isExact">TRUE and FALSE mean any true and false value, as in SQLite; otherwise only 1 and 0.</param>
/// <param name="operand">Of what.</param>
internal sealed class IsExpression(IsTest test, bool negated, bool isExact, Expression operand) : Expression
{
    public override SqlValue Evaluate(EvaluationContext context)
    {
        var value = operand.Evaluate(context);
        var holds = test switch
        {
            IsTest.Null => value.IsNull,
            _ when isExact => !value.IsNull && SqlCompare.IsTrue(value, isExact) == (test == IsTest.True),
            IsTest.True => !value.IsNull && SqlCompare.AreEqual(value, SqlValue.True),
            _ => !value.IsNull && SqlCompare.AreEqual(value, SqlValue.False),
        };
        return SqlValue.FromBoolean(holds != negated);
    }

    public override void Print(StringBuilder target) => PrintCall(target, (negated ? "isnot" : "is") + test + (isExact ? "!" : ""), operand);
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

/// <param name="operand">What each branch is compared with; null when branches are conditions.</param>
/// <param name="whens">Values or conditions.</param>
/// <param name="thens">Results, in the same order.</param>
/// <param name="otherwise">Result when no branch fits.</param>
/// <param name="isExact">Conditions hold as in SQLite.</param>
internal sealed class CaseExpression(
    Expression? operand, Expression[] whens, Expression[] thens, Expression? otherwise, bool isExact) : Expression
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
                ? SqlCompare.IsTrue(when, isExact)
                : !value.IsNull && !when.IsNull && SqlCompare.AreEqual(value, when);
            if (matches)
                return thens[index].Evaluate(context);
        }
        return otherwise?.Evaluate(context) ?? SqlValue.Null;
    }

    public override void Print(StringBuilder target)
    {
        target.Append(isExact ? "(case! " : "(case ");
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
            CastTarget.Text => SqlCast.ToText(value, isExact, context.Scratch),
            CastTarget.Integer => SqlCast.ToInteger(value, truncates: isExact),
            CastTarget.Real => SqlCast.ToReal(value, isExact),
            CastTarget.Numeric => SqlCast.ToNumeric(value, isExact),
            _ => SqlCast.ToBlob(value, isExact, context.Scratch),
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
        var first = SqlCast.TextOf(leftValue, isExact, context.Scratch);
        var second = SqlCast.TextOf(rightValue, isExact, context.Scratch);
        var room = context.Scratch.Take(first.Length + second.Length);
        first.Span.CopyTo(room.Span);
        second.Span.CopyTo(room.Span[first.Length..]);
        return SqlValue.FromText(room);
    }

    public override void Print(StringBuilder target) => PrintCall(target, isExact ? "concat!" : "concat", left, right);
}
