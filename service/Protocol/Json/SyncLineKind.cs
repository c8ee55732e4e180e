namespace TopGun.Buckets.Protocol.Json;

/// <summary>What a line of the sync stream says, as told by its only key.</summary>
public enum SyncLineKind : byte
{
    /// <summary>A kind this version does not know; receivers skip it.</summary>
    Unknown,
    Checkpoint,
    CheckpointDiff,
    Data,
    CheckpointComplete,
    PartialCheckpointComplete,
    TokenExpiresIn,
}
