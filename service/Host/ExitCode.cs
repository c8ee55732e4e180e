namespace TopGun.Buckets.Host;

/// <summary>How a command ends, for scripts.</summary>
internal static class ExitCode
{
    /// <summary>Done.</summary>
    public const int Done = 0;

    /// <summary>It was tried and did not work, or what was checked is not in order.</summary>
    public const int Failed = 1;

    /// <summary>What was asked for makes no sense: a wrong flag, value or file. Nothing was tried.</summary>
    public const int Misused = 2;
}
