using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>A condition that compares a column with constants, and so cannot fail: true when the comparison with any constant is.</summary>
internal sealed record ColumnTest(int Position, BinaryOperator Comparison, IReadOnlyList<SqlValue> Constants)
{
    // Longer lists are rare, and would take much memory where queries are told apart by them.
    private const int MaxConstants = 100;

    /// <summary>The tests among the conditions that are checked first. Behind any other condition none counts: that one may fail, and must be asked.</summary>
    public static List<ColumnTest> LeadingOf(RowMatch match, int[] positions)
    {
        var tests = new List<ColumnTest>();
        if (match.Each.Count > 0)
            return tests;
        foreach (var filter in match.Filters)
        {
            if (Of(filter, positions) is not { } test)
                break;
            tests.Add(test);
        }
        return tests;
    }

    /// <param name="order">How the column's value compares with a constant.</param>
    public bool Holds(int order) => Comparison switch
    {
        BinaryOperator.Equal => order == 0,
        BinaryOperator.NotEqual => order != 0,
        BinaryOperator.Less => order < 0,
        BinaryOperator.Greater => order > 0,
        BinaryOperator.LessOrEqual => order <= 0,
        _ => order >= 0,
    };

    private static ColumnTest? Of(Expression filter, int[] positions)
    {
        var test = filter switch
        {
            CompareExpression { Right: ConstantExpression constant } compare when !compare.OrdersExactly(constant.Value) =>
                On(compare.Left, compare.Comparison, [constant.Value], positions),
            InItemsExpression { ConstantItems: { } items } list => On(list.Operand, BinaryOperator.Equal, items, positions),
            InJsonExpression { ConstantElements: { } elements } list => On(list.Operand, BinaryOperator.Equal, elements, positions),
            _ => null,
        };
        return test?.Constants.Count > MaxConstants ? null : test;
    }

    // Nothing compares with null.
    private static ColumnTest? On(Expression operand, BinaryOperator comparison, SqlValue[] constants, int[] positions) =>
        operand is ColumnExpression column && positions[column.Slot] >= 0
            ? new ColumnTest(positions[column.Slot], comparison, [.. constants.Where(constant => !constant.IsNull)])
            : null;
}
