using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog;

/// <summary>A wish to bring other rules into force.</summary>
/// <param name="Text">The rules file; it compiles, and the source has its tables.</param>
/// <param name="IsFile">Whether it is the file that the service was started with, which is not taken over again while it stays the same.</param>
/// <param name="NotBefore">
/// Position of the source when the wish came up. What was shown before a crash is replayed by the rules that were in force then, so nothing changes
/// until the stream is past it.
/// </param>
public sealed record DeployRequest(string Text, bool IsFile, Lsn NotBefore)
{
    /// <summary>The tables that the source has for the rules; those that no rule read before are waited for.</summary>
    public IReadOnlyList<TablePattern> Tables { get; init; } = [];

    /// <summary>Whether every part is filled anew under another version, even if its fingerprint is the same; clients take all of it in again.</summary>
    public bool FillsAnew { get; init; }

    /// <summary>Versions of parts that are filled anew under another version, although their fingerprints are the same.</summary>
    internal IReadOnlySet<int> Anew { get; init; } = new HashSet<int>();
}

/// <summary>What became of a wish.</summary>
public enum DeployOutcome
{
    /// <summary>These rules are in force, or being built, already.</summary>
    Unchanged,

    /// <summary>They are being built, and come into force by themselves.</summary>
    Begun,

    /// <summary>As <see cref="Begun"/>; others were being built, which was given up.</summary>
    Replaced,

    /// <summary>They are in force and others were being built, which was given up.</summary>
    Cancelled,
}

/// <summary>What a deployment is doing.</summary>
public enum DeploymentPhase
{
    /// <summary>Nothing is deployed.</summary>
    None,

    /// <summary>The wish is known; the stream has not passed what may have been shown before the last start.</summary>
    Waiting,

    /// <summary>Stored rows are given to the new definitions.</summary>
    Building,

    /// <summary>Tables that no rule read before are read from the source.</summary>
    Reading,

    /// <summary>The new rules are in force; what only the earlier ones had is being removed.</summary>
    Retiring,
}

/// <summary>How far a deployment is.</summary>
/// <param name="Phase">What it is doing.</param>
/// <param name="Active">The rules in force.</param>
/// <param name="Building">Those that will be, if any.</param>
/// <param name="RowsDone">Stored rows looked at.</param>
/// <param name="RowsTotal">Stored rows to look at; an estimate.</param>
public sealed record DeploymentStatus(DeploymentPhase Phase, DeployedRules Active, DeployedRules? Building, long RowsDone, long RowsTotal);
