using TopGun.Buckets.SyncRules.Expressions;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>What the value of an expression depends on.</summary>
internal enum Origin
{
    Constant,
    Row,
    Request,
}

/// <summary>A compiled expression and what it depends on.</summary>
/// <param name="Expression">The expression.</param>
/// <param name="Origin">Row, request or neither; never both.</param>
/// <param name="Source">Which source the row is of, where a query has several.</param>
internal readonly record struct Bound(Expression Expression, Origin Origin, int Source = 0)
{
    public static Bound Constant(Expression expression) => new(expression, Origin.Constant);

    public static Bound Request(Expression expression) => new(expression, Origin.Request);
}
