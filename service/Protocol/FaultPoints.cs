namespace TopGun.Buckets.Protocol;

/// <summary>Places, all along the way of a change, where what is rare in production matters most.</summary>
public enum FaultPoint
{
    /// <summary>The log has the source's next event and has not begun with it.</summary>
    EventTaken,

    /// <summary>A transaction was evaluated, and nobody has been shown it.</summary>
    BeforeShown,

    /// <summary>It was shown, and does not wait for the store yet.</summary>
    AfterShown,

    /// <summary>Forced: what gathers for the store is written at once, however little it is.</summary>
    StoreWrittenEarly,

    /// <summary>The store has it, and neither the grid nor the source has been told.</summary>
    StoreWritten,

    /// <summary>A deployment, mending or removal is about to do its next piece.</summary>
    LogWorks,

    /// <summary>Compaction has read a piece of a bucket and has not replaced it.</summary>
    CompactionReplaces,

    /// <summary>Part of the rows that were read again have taken the place of others.</summary>
    RowsSwitched,

    /// <summary>A bucket was read for the grid and is not hot yet.</summary>
    BucketRead,

    /// <summary>Forced: the bucket that nobody has read for longest leaves the grid.</summary>
    BucketEvicted,

    /// <summary>A session has announced a checkpoint and sent none of its data.</summary>
    Announced,

    /// <summary>A session is between two lines of data.</summary>
    LineSent,

    /// <summary>Forced: a line has one operation.</summary>
    LineIsShort,

    /// <summary>A device has received lines and not applied them.</summary>
    LinesReceived,

    /// <summary>A device has applied lines, and its app has not been told.</summary>
    LinesApplied,

    /// <summary>Forced: a device applies each line by itself.</summary>
    LinesAppliedOneByOne,

    /// <summary>Uploads took effect, and the device's queue still has them.</summary>
    Uploaded,

    /// <summary>The queue is empty, and no write checkpoint has been asked for.</summary>
    QueueEmptied,

    /// <summary>Forced: one transaction is uploaded at a time.</summary>
    UploadedOneByOne,
}

/// <summary>A simulation's hand in the code: at some points it delays, takes the rare way, or ends the process. In production there is none.</summary>
public interface IFaultPoints
{
    /// <summary>May take its time, or never come back.</summary>
    ValueTask PassAsync(FaultPoint point);

    /// <summary>Whether the rare way is taken although nothing asks for it.</summary>
    bool IsForced(FaultPoint point);
}
