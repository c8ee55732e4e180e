namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Whether a value can be trusted: the token is signed, connection and subscription parameters are whatever the client says.</summary>
/// <remarks>Works on the canonical text of expressions, which names the parts of the request they use.</remarks>
internal static class DangerAnalysis
{
    public const string Message =
        "The buckets depend only on parameters that the client chooses. Use the token, or set 'accept_potentially_dangerous_queries' if that is meant.";

    /// <summary>Judges a stream's family by what feeds its keys; one without keys by its conditions on the request.</summary>
    public static bool IsClientControlled(ResolutionPlan plan)
    {
        var trusts = plan.Keys.SelectMany(values => values).Select(value => TrustOf(value, plan)).ToList();
        if (trusts.TrueForAll(trust => trust == Trust.Neutral))
        {
            trusts = [.. plan.Filters.Select(filter => TrustOf(filter.ToString()))];
            trusts.AddRange(plan.Sources.Select((_, source) => TrustOf(new ResolvedValue(null, source, 0), plan)));
        }
        return trusts.Contains(Trust.Client) && !trusts.Contains(Trust.Token);
    }

    private enum Trust
    {
        Neutral,
        Client,
        Token,
    }

    private static Trust TrustOf(ResolvedValue value, ResolutionPlan plan)
    {
        if (value.Expression is { } expression)
            return TrustOf(expression.ToString());
        if (plan.Sources[value.Source] is RequestRows rows)
            return TrustOf(rows.Each.Input.ToString());
        var trusts = ((LookupRows)plan.Sources[value.Source]).Keys.Select(key => TrustOf(key, plan)).ToList();
        return trusts.Count == 0 ? Trust.Neutral : trusts.Max();
    }

    private static Trust TrustOf(string expression) =>
        UsesToken(expression) ? Trust.Token : UsesClientParameters(expression) ? Trust.Client : Trust.Neutral;

    public static bool UsesToken(string expression) =>
        expression.Contains("request:Token", StringComparison.Ordinal) || expression.Contains("request:UserId", StringComparison.Ordinal);

    public static bool UsesClientParameters(string expression) =>
        expression.Contains("request:Parameters", StringComparison.Ordinal)
        || expression.Contains("request:UserParameter", StringComparison.Ordinal)
        || expression.Contains("request:Subscription", StringComparison.Ordinal);
}
