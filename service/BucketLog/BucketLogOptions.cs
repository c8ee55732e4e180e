using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>When an operation may be seen.</summary>
public enum PublishMode
{
    /// <summary>As soon as it is evaluated. Safe, because until it is durable the source can replay it to the same operation.</summary>
    Memory,

    /// <summary>Once it is durable.</summary>
    Durable,
}

/// <summary>How the bucket log writes.</summary>
public sealed class BucketLogOptions
{
    /// <summary>When operations become visible. Default <see cref="PublishMode.Memory"/>.</summary>
    public PublishMode Publish { get; set; }

    /// <summary>How much may be waiting for the store before reading from the source pauses. Default 64 MiB.</summary>
    public long DirtyLimitBytes { get; set; } = 64L << 20; // several seconds of a busy source, and a small part of any server's RAM

    /// <summary>How long the oldest change may wait for the store before reading from the source pauses. Default 10 seconds.</summary>
    public TimeSpan DirtyLimitAge { get; set; } = TimeSpan.FromSeconds(10); // longer stalls of a disk are outages, not hiccups

    /// <summary>
    /// How long changes gather before they are written in one go, when nobody waits for them; twenty times as long while there are very many and clients
    /// see them from RAM. Default 5 ms.
    /// </summary>
    public TimeSpan GroupCommitDelay { get; set; } = TimeSpan.FromMilliseconds(5); // bounds fsyncs to 200 a second on a busy source

    /// <summary>How long a position without operations may stay unwritten. Default 2 seconds.</summary>
    public TimeSpan PositionDelay { get; set; } = TimeSpan.FromSeconds(2); // an idle neighbour's WAL must not cost an fsync per message

    /// <summary>How much WAL may pass before such a position is written at once. Default 16 MiB, Postgres' segment size.</summary>
    public ulong PositionBytes { get; set; } = 16UL << 20;

    /// <summary>Longest row as JSON that clients are given unless it is set otherwise: 64 MiB.</summary>
    public const int DefaultRowLimitBytes = 64 << 20; // phones hold a few of those, and no more

    /// <summary>Longest row as JSON; a longer one is left out, see <see cref="SkippedRow"/>. Default <see cref="DefaultRowLimitBytes"/>.</summary>
    public int RowLimitBytes { get; set; } = DefaultRowLimitBytes;

    /// <summary>
    /// Size of a transaction that is evaluated at once. A larger one is stored in parts of a quarter of that, which are seen together, when all of them are
    /// there. Default 8 MiB.
    /// </summary>
    public long PartBytes { get; set; } = 8L << 20; // its rows and operations take several times that on their way

    /// <summary>Op ids reserved at a time. Default 2^20.</summary>
    public ulong OpIdBlock { get; set; } = 1UL << 20; // one small write per million operations

    /// <summary>
    /// Op ids of a store that is new begin above this. A store that was deleted, or that keeps nothing, must not give out again what clients hold of the last.
    /// Default 0.
    /// </summary>
    public OpId NewStoreAbove { get; set; }

    /// <summary>How long buckets that a deployment took away may still be read by streams that have not noticed. Default 30 seconds.</summary>
    public TimeSpan RetireDelay { get; set; } = TimeSpan.FromSeconds(30); // the longest that a line may take before a client is given up

    /// <summary>Stored rows that a deployment looks at before the stream has its turn. Default 4096.</summary>
    public int BuildRows { get; set; } = 4096; // some milliseconds

    /// <summary>
    /// A bucket is compacted when this many of its operations are redundant and they are half of its log. Default 100; 0 never compacts.
    /// </summary>
    public int CompactAfterOps { get; set; } = 100; // fewer are not worth the write; half bounds both a new client's download and our rewriting

    /// <summary>Keys of a bucket that compaction holds in RAM at a time; a bucket with more is gone through several times. Default 500 000.</summary>
    public int CompactionKeys { get; set; } = 500_000; // about 20 MB

    /// <summary>
    /// How many placeholders have to go for each live row that is sent again to let them. Default 3: what new clients are spared is three times what
    /// present ones download again, and a bucket's log is at most four times its live rows in the long run.
    /// </summary>
    public int DefragmentRatio { get; set; } = 3;

    /// <summary>A bucket is defragmented when that wins this many operations beyond the price of the rows. Default 10 000.</summary>
    public int DefragmentAfterOps { get; set; } = 10_000; // some hundred kilobytes of placeholders, a second of a slow connection

    /// <summary>How fast rows are sent again that did not change, in bytes over all buckets. Default 256 KiB a second; 0 never sends any.</summary>
    public long DefragmentBytesPerSecond { get; set; } = 256L << 10; // a device that has all of these buckets notices nothing

    /// <summary>How fast the store is looked through for damage, in bytes of operations. Default 4 MiB a second; 0 never looks.</summary>
    public long ScrubBytesPerSecond { get; set; } = 4L << 20; // 100 GB in seven hours, and no load worth mentioning

    /// <summary>Longest wait before a write that failed for lack of room is tried again. Default 10 seconds.</summary>
    public TimeSpan RetryLimit { get; set; } = TimeSpan.FromSeconds(10);
}
