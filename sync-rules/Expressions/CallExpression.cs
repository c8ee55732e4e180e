using System.Runtime.CompilerServices;
using System.Text;
using TopGun.Buckets.SyncRules.Functions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Expressions;

/// <summary>A call of a scalar function.</summary>
internal sealed class CallExpression(ScalarFunction function, Expression[] arguments) : Expression
{
    // Calls with more arguments are rare; theirs are collected on the heap.
    private const int FewArguments = 4;

    public ScalarFunction Function => function;

    public IReadOnlyList<Expression> Arguments => arguments;

    public override SqlValue Evaluate(EvaluationContext context)
    {
        var few = default(ArgumentValues);
        Span<SqlValue> values = few;
        if (arguments.Length > FewArguments)
            values = new SqlValue[arguments.Length];
        for (var index = 0; index < arguments.Length; index++)
            values[index] = arguments[index].Evaluate(context);
        return function.Apply(values[..arguments.Length], context);
    }

    public override void Print(StringBuilder target) => PrintCall(target, "call:" + function.Name, arguments);

    [InlineArray(FewArguments)]
    private struct ArgumentValues
    {
        private SqlValue _first;
    }
}
