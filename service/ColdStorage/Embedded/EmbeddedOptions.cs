namespace TopGun.Buckets.ColdStorage.Embedded;

/// <summary>Sizes of the embedded store's files.</summary>
public sealed class EmbeddedOptions
{
    /// <summary>
    /// Size at which a segment of the log is sealed and the next begun. Default 64 MiB: read whole within a fraction of a second at start, and where a
    /// million operations of it are fits into some 50 MB of RAM until then.
    /// </summary>
    public long SegmentBytes { get; set; } = 64L << 20;

    /// <summary>Sealed segments that are left as they were written before they are folded by bucket. Default 0.</summary>
    public int KeepSegments { get; set; }

    /// <summary>
    /// Sealed segments, beyond those that are left, that wait to be folded while much is written. Default 3: a burst is over sooner, and what waited is
    /// folded together.
    /// </summary>
    public int WaitingSegments { get; set; } = 3;

    /// <summary>
    /// Sealed segments, beyond those that are left, that may be unfolded before writing waits for it. Default 7: a bucket that is read is looked for in the
    /// indexes of so many.
    /// </summary>
    public int UnfoldedSegments { get; set; } = 7;

    /// <summary>Size at which an op file is complete. Default 256 MiB: a terabyte takes four thousand file handles.</summary>
    public long OpFileBytes { get; set; } = 256L << 20;

    /// <summary>Size of the records held in RAM before they are written to a run. Default 32 MiB.</summary>
    public long MemtableBytes { get; set; } = 32L << 20;

    /// <summary>
    /// Blocks of four kilobytes, of runs that have something of the buckets, before what they have is put together for the next start. Default 2048: read
    /// in some fifty milliseconds.
    /// </summary>
    public int ImageBlocks { get; set; } = 2048;

    /// <summary>Runs of one size before they are merged into one. Default 8: a record is rewritten once for each eightfold growth.</summary>
    public int MergeWidth { get; set; } = 8;
}
