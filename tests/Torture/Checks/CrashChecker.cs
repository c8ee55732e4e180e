namespace TopGun.Buckets.Tests.Torture.Checks;

/// <summary>A process ends when it is told to, and then well.</summary>
internal static class CrashChecker
{
    /// <summary>Of a process that nobody has ended.</summary>
    public static void RequireRunning(string process, bool hasExited, string output, Findings findings)
    {
        findings.Looked("processes");
        if (hasExited)
            findings.Add(Verdict.Crash, $"{process} ended by itself. It said last: {Tail(output)}");
    }

    /// <summary>Of a process that was asked to end.</summary>
    public static void RequireEndedWell(string process, int exitCode, string output, Findings findings)
    {
        findings.Looked("orderly ends");
        if (exitCode != 0)
            findings.Add(Verdict.Crash, FormattableString.Invariant($"{process} was told to end and did so with exit code {exitCode}. It said last: {Tail(output)}"));
    }

    private static string Tail(string output) => output.Length > 4000 ? output[^4000..] : output;
}
