namespace TopGun.Buckets.Tests.Torture.Checks;

/// <summary>What a run found first; its number is the exit code of the program.</summary>
internal enum Verdict
{
    Passed = 0,

    /// <summary>A device, or a stream, ended with other rows than the rules give to its user.</summary>
    Divergence = 1,

    /// <summary>A device showed a write without one that its author saw before.</summary>
    CausalityOnDevice = 2,

    /// <summary>Postgres held a write without one that its author saw before: uploads came in another order, or with holes.</summary>
    CausalityInSource = 3,

    /// <summary>A part of a transaction was visible.</summary>
    Atomicity = 4,

    /// <summary>A user was shown what the rules do not give to this user.</summary>
    Leak = 5,

    /// <summary>An op id stood for two contents.</summary>
    OpId = 6,

    /// <summary>Something visible was older than what was visible before.</summary>
    TimeWentBackwards = 7,

    /// <summary>Local writes were not uploaded although nothing was in the way.</summary>
    QueueStuck = 8,

    /// <summary>What Postgres has did not arrive although nothing was in the way.</summary>
    DownloadStuck = 9,

    /// <summary>An upload took effect twice, or was reported as done and had none.</summary>
    UploadEffect = 10,

    /// <summary>A process grew beyond what it may.</summary>
    ResourceLimit = 11,

    /// <summary>A process ended that nobody had ended.</summary>
    Crash = 12,

    /// <summary>The driver itself failed, so nothing is known.</summary>
    HarnessError = 20,
}
