using System.Runtime.CompilerServices;
using System.Text;
using TopGun.Buckets.SyncRules.Functions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Expressions;

/// <summary>A call of a scalar function.</summary>
internal sealed class CallExpression(ScalarFunction function, Expression[] arguments) : Expression
{
    public const int MaxArguments = 4;

    public ScalarFunction Function => function;

    public IReadOnlyList<Expression> Arguments => arguments;

    public override SqlValue Evaluate(EvaluationContext context)
    {
        var values = default(ArgumentValues);
        for (var index = 0; index < arguments.Length; index++)
            values[index] = arguments[index].Evaluate(context);
        return function.Apply(((ReadOnlySpan<SqlValue>)values)[..arguments.Length], context);
    }

    public override void Print(StringBuilder target) => PrintCall(target, "call:" + function.Name, arguments);

    [InlineArray(MaxArguments)]
    private struct ArgumentValues
    {
        private SqlValue _first;
    }
}
