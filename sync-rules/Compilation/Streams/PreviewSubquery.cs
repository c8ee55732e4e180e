using TopGun.Buckets.SyncRules.Sql;

namespace TopGun.Buckets.SyncRules.Compilation.Streams;

/// <summary>What edition 2 allows in a subquery: one table, one output, a conjunction with at least one comparison with the request.</summary>
internal static class PreviewSubquery
{
    public static void Check(SubquerySyntax subquery)
    {
        DataQueryCompiler.SingleTable(subquery.Select);
        if (subquery.Select.Items.Count != 1 || subquery.Select.Items[0].IsStar)
            throw SqlProblem.Unsupported(subquery.Span, "The subquery must select exactly one column.");
        CheckConjunction(subquery.Select.Where);
    }

    /// <summary>Checks the compiled condition of the subquery.</summary>
    public static void CheckMatch(SubquerySyntax subquery, Condition condition)
    {
        if (!HasMatch(condition))
            throw SqlProblem.Unsupported(subquery.Span, "The subquery must compare a column with the request.");
    }

    private static void CheckConjunction(SqlExpression? where)
    {
        switch (where)
        {
            case BinarySyntax { Operator: BinaryOperator.And } and:
                CheckConjunction(and.Left);
                CheckConjunction(and.Right);
                break;
            case BinarySyntax { Operator: BinaryOperator.Or } or:
                throw SqlProblem.Unsupported(or.Span, "OR is not possible inside a subquery in edition 2.");
            case InSyntax { List: SubquerySyntax nested }:
                throw SqlProblem.Unsupported(nested.Span, "A subquery inside a subquery needs edition 3.");
            case InSyntax or BinarySyntax { Operator: BinaryOperator.Overlap }:
                break;
        }
    }

    private static bool HasMatch(Condition condition) => condition switch
    {
        AllOf all => all.Parts.Any(HasMatch),
        Existence existence => HasMatch(existence.Inner),
        Link link => link.Left.Origin == Origin.Request || link.Right.Origin == Origin.Request || link.Left.Source != link.Right.Source,
        _ => false,
    };
}
