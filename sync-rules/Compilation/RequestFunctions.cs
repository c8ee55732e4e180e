using System.Text;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Values;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Functions of the request: <c>request.*</c> in bucket definitions, <c>auth.* connection.* subscription.*</c> in streams.</summary>
internal static class RequestFunctions
{
    /// <summary>What parameter queries of bucket definitions can ask.</summary>
    public static Bound? OfRules(CallSyntax call, ScalarCompiler compiler)
    {
        if (call.Qualifier?.Text != "request")
            return null;
        switch (call.Name.Text)
        {
            case "user_id":
                CheckCount(call, 0);
                return Bound.Request(new RequestExpression(RequestPart.UserId));
            case "jwt":
                CheckCount(call, 0);
                return Bound.Request(new RequestExpression(RequestPart.Token));
            case "parameters":
                CheckCount(call, 0);
                return Bound.Request(new RequestExpression(RequestPart.Parameters));
            case "parameter":
                return Member(call, new RequestExpression(RequestPart.Parameters), compiler);
            default:
                throw SqlProblem.Reference(
                    call.Span,
                    $"There is no request function '{call.Name.Text}'; there are user_id(), jwt(), parameters() and parameter(key)." +
                    Suggestion.For(call.Name.Text, ["user_id", "jwt", "parameters", "parameter"]));
        }
    }

    /// <summary>What streams can ask.</summary>
    /// <param name="call">Any call.</param>
    /// <param name="edition">2 or 3, which differ in what a missing subscription means.</param>
    /// <param name="compiler">For a key that is not a literal.</param>
    public static Bound? OfStreams(CallSyntax call, int edition, ScalarCompiler compiler)
    {
        var schema = call.Qualifier?.Text;
        var document = schema switch
        {
            "auth" => new RequestExpression(RequestPart.Token),
            "connection" => new RequestExpression(RequestPart.Parameters),
            "subscription" => new RequestExpression(RequestPart.Subscription) { EmptyWhenMissing = edition == 2 },
            "request" => throw SqlProblem.Reference(
                call.Span, "Streams have no 'request' functions; use auth.user_id(), auth.parameter(key), connection.parameter(key) or subscription.parameter(key)."),
            _ => null,
        };
        if (document is null)
            return null;
        switch (call.Name.Text)
        {
            case "user_id" when schema == "auth":
                CheckCount(call, 0);
                return edition == 2
                    ? Bound.Request(new RequestExpression(RequestPart.UserId))
                    : Bound.Request(Step(document, "$.sub"));
            case "parameters":
                CheckCount(call, 0);
                return Bound.Request(document);
            case "parameter":
                return Member(call, document, compiler);
            default:
                throw SqlProblem.Reference(
                    call.Span,
                    $"There is no function '{schema}.{call.Name.Text}'; there are {(schema == "auth" ? "user_id(), " : "")}parameters() and parameter(key)." +
                    Suggestion.For(call.Name.Text, schema == "auth" ? ["user_id", "parameters", "parameter"] : ["parameters", "parameter"]));
        }
    }

    private static Bound Member(CallSyntax call, RequestExpression document, ScalarCompiler compiler)
    {
        CheckCount(call, 1);
        if (call.Arguments[0] is LiteralSyntax { Value.Kind: SqlKind.Text } literal)
            return Bound.Request(Step(document, Encoding.UTF8.GetString(literal.Value.Bytes.Span)));
        var key = compiler.Compile(call.Arguments[0]);
        return key.Origin == Origin.Row
            ? throw SqlProblem.Unsupported(call.Arguments[0].Span, "The key cannot depend on the row; only '=' and IN can connect the row and the request.")
            : Bound.Request(new RequestMemberExpression(document, key.Expression));
    }

    // These helpers read a path the modern way in every edition.
    private static ArrowExpression Step(Expression document, string path) =>
        new(document, path, JsonPath.Parse(path, splitsPlainKeys: false), asText: true, nullIsText: false);

    private static void CheckCount(CallSyntax call, int count)
    {
        if (call.Arguments.Count != count)
            throw SqlProblem.Semantics(call.Span, $"{call.Qualifier!.Text}.{call.Name.Text}() takes {count} argument(s), not {call.Arguments.Count}.");
    }
}
