namespace TopGun.Buckets.Tests.Torture.Checks;

/// <summary>How a device stands while everybody waits for it.</summary>
internal sealed record DeviceStatus(string State, long Pending, string Blocked, string? Error)
{
    public bool IsIdle => Pending == 0 && Blocked == "Nothing";

    public override string ToString() => FormattableString.Invariant($"{State}, {Pending} pending, blocked by {Blocked}, {Error ?? "no error"}");
}

/// <summary>Judges what is left when nothing is in the way any more and the time is up.</summary>
internal static class EndChecker
{
    /// <summary>Whether a device has caught up, and what is stuck if it has not and time is up.</summary>
    /// <param name="device">Its name.</param>
    /// <param name="status">How it stands.</param>
    /// <param name="shown">What it shows.</param>
    /// <param name="wanted">Transactions that have to be visible.</param>
    /// <param name="isTimeUp">Whether it may take longer.</param>
    /// <param name="findings">Told what is found.</param>
    public static bool HasCaughtUp(
        string device, DeviceStatus status, ShownState shown, IReadOnlyDictionary<string, long> wanted, bool isTimeUp, Findings findings)
    {
        findings.Looked("catching up");
        var behind = wanted.Where(head => shown.Heads.GetValueOrDefault(head.Key) < head.Value).Select(head => head.Key).ToList();
        if (status.IsIdle && behind.Count == 0)
            return true;
        if (!isTimeUp)
            return false;
        if (status.Pending > 0)
            findings.Add(Verdict.QueueStuck, $"{device} does not upload: {status}.");
        else
            findings.Add(Verdict.DownloadStuck, $"{device} lacks what {(behind.Count > 0 ? string.Join(", ", behind) : "itself")} wrote: {status}.");
        return false;
    }

    /// <summary>A place shows what the rules give to its user, nothing else and nothing less.</summary>
    public static void RequireEqual(string place, IReadOnlySet<string> expected, IReadOnlySet<string> shown, Findings findings)
    {
        findings.Looked("final state");
        if (expected.SetEquals(shown))
            return;
        var missing = expected.Except(shown).Take(5);
        var extra = shown.Except(expected).Take(5);
        findings.Add(Verdict.Divergence, $"{place} lacks {string.Join("; ", missing)} and has {string.Join("; ", extra)}.");
    }
}
