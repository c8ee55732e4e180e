using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

internal static class ConditionalFunctions
{
    public static SqlValue IfNull(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        arguments[0].IsNull ? arguments[1] : arguments[0];

    public static SqlValue Iif(ReadOnlySpan<SqlValue> arguments, EvaluationContext context) =>
        SqlCompare.IsTrue(arguments[0]) ? arguments[1] : arguments[2];
}
