using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Grid;

/// <summary>All buckets are being built anew, so what a session knows of them is void and it has to begin again.</summary>
public sealed class GridResetException() : BucketsException(
    code: "TGB4001",
    message: "All buckets are being built anew from the source.",
    hint: "Connect again.");
