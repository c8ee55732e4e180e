namespace TopGun.Buckets.Tests.Torture.Checks;

/// <summary>Sorts what a client at the level of protocol lines complains of.</summary>
internal static class WireChecker
{
    public static void Observe(IReadOnlyList<string> violations, Findings findings)
    {
        findings.Looked("wire");
        foreach (var violation in violations)
            findings.Add(VerdictOf(violation), violation);
    }

    private static Verdict VerdictOf(string violation) => violation switch
    {
        _ when violation.Contains("had another content before", StringComparison.Ordinal) => Verdict.OpId,
        _ when violation.Contains("time goes back", StringComparison.Ordinal) => Verdict.TimeWentBackwards,
        _ when violation.Contains("which is not part of the checkpoint", StringComparison.Ordinal) => Verdict.Leak,
        _ => Verdict.Divergence,
    };
}
