using System.Diagnostics.CodeAnalysis;

namespace TopGun.Buckets.BucketLog;

/// <summary>Raises the room's failures away from the loops that meet them.</summary>
internal static class Throw
{
    [DoesNotReturn]
    public static void DamagedRecord() => throw new DamagedRecordException();
}
