using System.Text;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Expressions;

/// <summary>What SQLite converts before it compares: beside a cast to a number, text that is a number counts as one, and so on.</summary>
/// <remarks>Only casts have an affinity here; columns have none, because rows carry values of their own types.</remarks>
// https://www.sqlite.org/datatype3.html#type_conversions_prior_to_comparison
internal static class Affinity
{
    /// <summary>Wraps the sides of a comparison with the conversions that SQLite applies to them.</summary>
    public static (Expression Left, Expression Right) Apply(Expression left, Expression right)
    {
        var first = Of(left);
        var second = Of(right);
        var applied = first is not null && second is not null
            ? IsNumeric(first) || IsNumeric(second) ? CastTarget.Numeric : CastTarget.Blob
            : first ?? second;
        return (Convert(left, applied), Convert(right, applied));
    }

    /// <summary>Wraps the operand and the items of IN: only the operand decides.</summary>
    public static (Expression Operand, Expression[] Items) Apply(Expression operand, Expression[] items)
    {
        var applied = Of(operand);
        return (Convert(operand, applied), [.. items.Select(item => Convert(item, applied))]);
    }

    private static CastTarget? Of(Expression expression) => (expression as CastExpression)?.Type;

    private static bool IsNumeric(CastTarget? target) => target is CastTarget.Integer or CastTarget.Real or CastTarget.Numeric;

    private static Expression Convert(Expression expression, CastTarget? target) => target switch
    {
        CastTarget.Text => new AffinityExpression(expression, toText: true),
        CastTarget.Integer or CastTarget.Real or CastTarget.Numeric => new AffinityExpression(expression, toText: false),
        _ => expression,
    };
}

/// <summary>Text that is a number as that number, or a number as text; anything else as it is.</summary>
internal sealed class AffinityExpression(Expression operand, bool toText) : Expression
{
    public override SqlValue Evaluate(EvaluationContext context)
    {
        var value = operand.Evaluate(context);
        if (toText)
            return value.IsNumber ? SqlCast.ToText(value, isExact: true, context.Scratch) : value;
        return value.Kind == SqlKind.Text && SqlNumber.IsWholeNumber(value.Bytes.Span) ? SqlCast.ToOperand(value, isExact: true) : value;
    }

    public override void Print(StringBuilder target) => PrintCall(target, toText ? "astext" : "asnumber", operand);
}
