using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Host;

/// <summary>Rules that were to be deployed have errors, or name tables that the source cannot give. Nothing has changed.</summary>
internal sealed class DeploymentRefusedException(IReadOnlyList<string> problems) : BucketsException(
    "TGB1004", $"The sync rules are refused; those in force stay.\n{string.Join('\n', problems)}")
{
    public IReadOnlyList<string> Problems => problems;
}
