using System.Text;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Expressions;

/// <summary>A member of a part of the request whose key is computed: <c>auth.parameter(k)</c> where k is no literal.</summary>
/// <param name="document">The part.</param>
/// <param name="key">Over the request; its text form is read as a path in the modern way, as a literal is.</param>
internal sealed class RequestMemberExpression(RequestExpression document, Expression key) : Expression
{
    public override SqlValue Evaluate(EvaluationContext context)
    {
        var path = key.Evaluate(context);
        var json = document.Evaluate(context);
        if (path.IsNull || json.IsNull)
            return SqlValue.Null;
        var steps = JsonPath.Parse(Encoding.UTF8.GetString(SqlCast.TextOf(path, context.Scratch).Span), splitsPlainKeys: false);
        return JsonPath.TryFollow(SqlCast.TextOf(json, context.Scratch), steps, out var member)
            ? JsonReading.ToValue(member, nullText: false, allReal: false, context.Scratch)
            : SqlValue.Null;
    }

    public override void Print(StringBuilder target) => PrintCall(target, "member", document, key);
}
