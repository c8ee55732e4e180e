using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.SyncRules.Explain;

namespace TopGun.Buckets.Streaming.Operator;

/// <summary>Which buckets a user gets from this process at its newest checkpoint, and why.</summary>
internal sealed class ExplainEndpoint(IActiveRules rules, BucketGrid grid, IServiceReporter reporter, IOptions<OperatorOptions> options)
{
    private const long MaxBytes = 1 << 20;
    private static readonly JsonElement Nothing = JsonElement.Parse("{}");

    /// <summary>Method, path and handler of each.</summary>
    public IEnumerable<(string Method, string Path, Func<HttpContext, Task> Handle)> All =>
    [
        ("GET", "/api/admin/v1/explain", UserAsync),
        ("POST", "/api/admin/v1/explain", RequestAsync),
    ];

    /// <summary>By the user's name alone.</summary>
    private Task UserAsync(HttpContext http)
    {
        OperatorAccess.Require(http, options.Value);
        var user = OperatorQuery.Text(http, "user") ?? throw OperatorQuery.Invalid("user must be given");
        return AnswerAsync(http, new BucketRequest(ClaimsOf(user), Nothing, IncludeDefaults: true, []));
    }

    /// <summary>By <c>user</c> or the token's <c>claims</c>, and what else the body of a stream may have.</summary>
    private async Task RequestAsync(HttpContext http)
    {
        OperatorAccess.Require(http, options.Value);
        var body = await RequestBody.ReadAsync(http, MaxBytes);
        var request = SyncRequestParser.Parse(body, clientIdInQuery: null);
        using var document = SyncRequestParser.Document(body);
        await AnswerAsync(http, new BucketRequest(Claims(document.RootElement), request.Parameters, request.IncludeDefaults, request.Subscriptions));
    }

    private static JsonElement Claims(JsonElement body)
    {
        var user = OperatorQuery.Text(body, "user");
        var hasClaims = body.TryGetProperty("claims", out var claims) && claims.ValueKind == JsonValueKind.Object;
        if (user is null == !hasClaims)
            throw OperatorQuery.Invalid("either user, a text, or claims, an object, must be given");
        return user is null ? claims.Clone() : ClaimsOf(user);
    }

    private static JsonElement ClaimsOf(string user) => JsonSerializer.SerializeToElement(new Dictionary<string, string> { ["sub"] = user });

    private Task AnswerAsync(HttpContext http, BucketRequest request)
    {
        var (explanation, checkpoint) = Explain(request);
        return OperatorAnswer.WriteAsync(http, new ExplainAnswer(
            checkpoint, [.. explanation.Buckets.Select(bucket => reporter.Bucket(bucket.Name))], explanation));
    }

    private (UserExplanation Explanation, OpId Checkpoint) Explain(BucketRequest request)
    {
        using var subscription = grid.Subscribe("");
        if (rules.Current is not { } current || subscription.Take([]) is not { } update)
            throw new SyncException(500, "PSYNC_S2302", "ServiceError", "There is no active sync configuration, or nothing is visible yet.");
        var explainer = new UserExplainer(current, request);
        while (explainer.Pending is { Count: > 0 } pending)
        {
            foreach (var key in pending)
                explainer.Supply(key, [.. subscription.Lookup(key).Select(record => new FoundEntry(record, "a row"))]);
            explainer.Advance();
        }
        return (explainer.Explain(), update.UpTo);
    }

    private sealed record ExplainAnswer(OpId Checkpoint, IReadOnlyList<BucketReport> Totals, UserExplanation Explanation);
}
