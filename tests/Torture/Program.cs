// Tortures the product from outside, as reality would; see the section on torture in tests/README.md.
using System.Diagnostics;
using TopGun.Buckets.Tests.Torture;
using TopGun.Buckets.Tests.Torture.Checks;

return await TortureOptions.Command(async (options, cancellation) =>
{
    Console.Error.WriteLine(FormattableString.Invariant($"seed {options.Seed}"));
    using var findings = new Findings();
    var totals = new Totals();
    var run = new TortureRun(options, findings, totals);
    var started = Stopwatch.GetTimestamp();
    try
    {
        await run.RunAsync(cancellation);
    }
    catch (Exception failure) when (failure is not OutOfMemoryException)
    {
        findings.Add(Verdict.HarnessError, failure.ToString());
    }
    Console.WriteLine(totals.Describe(options, findings, run.Resources.Largest, Stopwatch.GetElapsedTime(started)).ToJsonString());
    return (int)findings.Verdict;
}).Parse(args).InvokeAsync();
