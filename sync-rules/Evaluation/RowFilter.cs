using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>One condition over a row.</summary>
/// <remarks>
/// Most rows fail most conditions, and most conditions compare a column with a constant. Two integers are compared here, without evaluating three
/// expressions: a definition whose rows these are not costs a third of the time.
/// </remarks>
internal readonly struct RowFilter
{
    private readonly Expression _condition;
    private readonly int _position = -1; // of the column in the table, where it is compared with an integer
    private readonly BinaryOperator _comparison;
    private readonly long _constant;

    /// <param name="condition">The condition.</param>
    /// <param name="positions">Where the query's columns are in the table.</param>
    public RowFilter(Expression condition, int[] positions)
    {
        _condition = condition;
        if (condition is CompareExpression { Left: ColumnExpression column, Right: ConstantExpression { Value.Kind: SqlKind.Integer } constant } compare)
        {
            _position = positions[column.Slot];
            _comparison = compare.Comparison;
            _constant = constant.Value.Integer;
        }
    }

    /// <exception cref="EvaluationException">The row's values do not allow an answer.</exception>
    public bool Passes(EvaluationContext context)
    {
        if (_position >= 0 && context.IsRead[_position])
        {
            ref readonly var value = ref context.Row[_position];
            if (value.Kind == SqlKind.Integer)
                return Holds(value.Integer.CompareTo(_constant));
        }
        return SqlCompare.IsTrue(_condition.Evaluate(context));
    }

    private bool Holds(int order) => _comparison switch
    {
        BinaryOperator.Equal => order == 0,
        BinaryOperator.NotEqual => order != 0,
        BinaryOperator.Less => order < 0,
        BinaryOperator.Greater => order > 0,
        BinaryOperator.LessOrEqual => order <= 0,
        _ => order >= 0,
    };
}
