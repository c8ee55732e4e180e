using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>The client has taken nothing for too long, so its connection is given up.</summary>
public sealed class SessionStalledException() : BucketsException(
    code: "TGB5001",
    message: "The client takes nothing from its stream.",
    hint: "It is cut off and may connect again.");
