using System.Text;
using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Expressions;

/// <summary>A compiled expression over one row, or over one request, or over nothing. Immutable; a function of its context.</summary>
internal abstract class Expression
{
    /// <summary>Where it stands in the rules file, for explanations; null for what the compiler made up. No part of its meaning.</summary>
    public SourceText? Written { get; set; }

    /// <exception cref="EvaluationException">The values do not allow an answer.</exception>
    public abstract SqlValue Evaluate(EvaluationContext context);

    /// <summary>Writes the meaning in one canonical form: equal text means equal expression. Fingerprints and merging rest on it.</summary>
    public abstract void Print(StringBuilder target);

    public sealed override string ToString()
    {
        var target = new StringBuilder();
        Print(target);
        return target.ToString();
    }

    protected static void PrintCall(StringBuilder target, string name, params ReadOnlySpan<Expression> arguments)
    {
        target.Append('(').Append(name);
        foreach (var argument in arguments)
        {
            target.Append(' ');
            argument.Print(target);
        }
        target.Append(')');
    }
}
