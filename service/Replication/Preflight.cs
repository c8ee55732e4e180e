using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Replication;

/// <summary>Keeps replication from starting at a source that would make it go wrong.</summary>
internal static class Preflight
{
    /// <exception cref="BucketsException">Any finding is an error; the first one names the code, all are in the message.</exception>
    public static void Require(IEnumerable<DoctorFinding> findings)
    {
        var errors = findings.Where(finding => finding.Severity == FindingSeverity.Error).ToList();
        if (errors.Count > 0)
        {
            throw new BucketsException(
                errors[0].Code,
                string.Join(' ', errors.Select(error => error.Sentence)),
                string.Join(' ', errors.Select(error => error.Remedy)));
        }
    }
}
