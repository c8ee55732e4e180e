namespace TopGun.Buckets.Tests.Support;

/// <summary>How long a test waits for what has to happen.</summary>
public static class Patience
{
    /// <summary>Only a failing test waits this long, so it is as long as the slowest machine may need.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);
}
