namespace TopGun.Buckets.Tests.Torture;

/// <summary>What the nemesis does.</summary>
internal enum Fault
{
    /// <summary>A device disconnects, and connects again.</summary>
    DisconnectClient,

    /// <summary>A device's connections are cut.</summary>
    CutClient,

    StopClient,
    KillClient,
    PauseClient,
    KillService,
    StopService,
    PauseService,

    /// <summary>What a device sends does not arrive.</summary>
    PartitionOut,

    /// <summary>What a device is sent does not arrive.</summary>
    PartitionIn,
    PartitionBoth,

    /// <summary>Between service and source, one way or both.</summary>
    PartitionSource,

    /// <summary>The service's connections to the source are cut.</summary>
    CutSource,
    RestartSource,

    /// <summary>The source stops without a checkpoint, and has to recover.</summary>
    CrashSource,
    KillSource,

    /// <summary>The disk of the store has no room.</summary>
    FillDisk,
    DeployRules,

    /// <summary>The store of the stopped service is compacted.</summary>
    Compact,

    /// <summary>From now on tokens are good for seconds only.</summary>
    ExpireTokens,
}
