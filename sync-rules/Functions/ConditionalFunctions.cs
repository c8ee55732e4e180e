using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

internal static class ConditionalFunctions
{
    public static SqlValue IfNull(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        arguments[0].IsNull ? arguments[1] : arguments[0];

    public static SqlValue Coalesce(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        foreach (var argument in arguments)
        {
            if (!argument.IsNull)
                return argument;
        }
        return SqlValue.Null;
    }

    public static SqlValue NullIf(ReadOnlySpan<SqlValue> arguments, EvaluationContext context)
    {
        var areEqual = !arguments[0].IsNull && !arguments[1].IsNull && SqlCompare.AreEqual(arguments[0], arguments[1]);
        return areEqual ? SqlValue.Null : arguments[0];
    }

    public static SqlValue Iif(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        SqlCompare.IsTrue(arguments[0]) ? arguments[1] : arguments[2];

    /// <summary><c>likely</c>, <c>unlikely</c> and <c>likelihood</c>: hints to SQLite's planner that leave their first argument as it is.</summary>
    public static SqlValue Likely(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) => arguments[0];
}
