using TopGun.Buckets.BucketLog;

namespace TopGun.Buckets.ColdStorage.Embedded.Runs;

/// <summary>Records that the store keeps for itself, beside those that it is given. Numbered from the other end.</summary>
internal static class OwnTable
{
    /// <summary>Where folded operations are; see <see cref="Folding.FoldedKey"/>.</summary>
    public const RecordTable Folded = (RecordTable)15;

    /// <summary>Tables are numbered below this.</summary>
    public const int Limit = 16;
}
