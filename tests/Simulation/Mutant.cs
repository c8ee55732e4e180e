namespace TopGun.Buckets.Tests.Simulation;

/// <summary>Defects that a run can be given on purpose: the checkers have to see each of them.</summary>
internal enum Mutant
{
    None,

    /// <summary>The source is told to forget a transaction as soon as it was received.</summary>
    AcknowledgeBeforeDurable,

    /// <summary>After a crash op ids are handed out again for other content.</summary>
    ReuseOpIds,

    /// <summary>Compaction drops one operation too many.</summary>
    LoseInCompaction,
}
