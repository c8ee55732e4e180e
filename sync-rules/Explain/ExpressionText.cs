using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Sql;

namespace TopGun.Buckets.SyncRules.Explain;

/// <summary>Expressions as the author of the rules knows them: as written, or put together from what is written.</summary>
internal static class ExpressionText
{
    /// <param name="expression">The expression.</param>
    /// <param name="each">Array expansions whose elements it may read.</param>
    public static string Of(Expression expression, IReadOnlyList<EachSource>? each = null)
    {
        if (expression.Written is { } written)
            return written.Text;
        return expression switch
        {
            NotExpression { Operand: CompareExpression { Comparison: BinaryOperator.Equal, Written: null } equality } =>
                $"{Of(equality.Left, each)} != {Of(equality.Right, each)}",
            NotExpression not => Negation(Of(not.Operand, each)),
            LogicalExpression logical => $"{Of(logical.Left, each)} {(logical.IsAnd ? "AND" : "OR")} {Of(logical.Right, each)}",
            CompareExpression compare => $"{Of(compare.Left, each)} {Symbol(compare.Comparison)} {Of(compare.Right, each)}",
            TruthExpression truth => Of(truth.Operand, each),
            EachExpression element when each?.FirstOrDefault(source => source.Index == element.Index) is { } source =>
                $"{(element.IsKey ? "a key" : "an element")} of {Of(source.Input, each)}",
            _ => expression.ToString(),
        };
    }

    /// <summary>Line of the file, or 0 when the compiler made the expression up.</summary>
    public static int LineOf(Expression expression) => expression.Written?.Line ?? 0;

    private static string Negation(string text) => text.Contains(' ', StringComparison.Ordinal) ? $"NOT ({text})" : $"NOT {text}";

    private static string Symbol(BinaryOperator comparison) => comparison switch
    {
        BinaryOperator.Equal => "=",
        BinaryOperator.NotEqual => "!=",
        BinaryOperator.Less => "<",
        BinaryOperator.Greater => ">",
        BinaryOperator.LessOrEqual => "<=",
        _ => ">=",
    };
}
