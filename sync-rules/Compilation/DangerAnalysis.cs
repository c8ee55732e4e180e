namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Whether a value can be trusted: the token is signed, connection and subscription parameters are whatever the client says.</summary>
/// <remarks>Works on the canonical text of expressions, which names the parts of the request they use.</remarks>
internal static class DangerAnalysis
{
    public const string Message =
        "The buckets depend only on parameters that the client chooses. Use the token, or set 'accept_potentially_dangerous_queries' if that is meant.";

    public static bool UsesToken(string expression) =>
        expression.Contains("request:Token", StringComparison.Ordinal) || expression.Contains("request:UserId", StringComparison.Ordinal);

    public static bool UsesClientParameters(string expression) =>
        expression.Contains("request:Parameters", StringComparison.Ordinal)
        || expression.Contains("request:UserParameter", StringComparison.Ordinal)
        || expression.Contains("request:Subscription", StringComparison.Ordinal);
}
