namespace TopGun.Buckets.Tests.Simulation;

/// <summary>Defects that a run can be given on purpose: the checkers have to see each of them.</summary>
internal enum Mutant
{
    None,

    /// <summary>The source is told to forget a transaction as soon as it was received.</summary>
    AcknowledgeBeforeDurable,

    /// <summary>The source is never told to forget anything.</summary>
    NeverAcknowledge,

    /// <summary>What a snapshot read is shown before the stream has reached it.</summary>
    ShowBeforeConsistent,

    /// <summary>A value that a change left out counts as null.</summary>
    IgnoreUnchanged,

    /// <summary>A change that lies before the commit of an earlier transaction counts as seen.</summary>
    SkipByChangePosition,

    /// <summary>A slot of the right name is taken for the one that was left, wherever it stands.</summary>
    TrustRecreatedSlot,

    /// <summary>The first row of each chunk after the first is left out.</summary>
    SkipRowAtChunk,

    /// <summary>The marker of a write checkpoint is never committed.</summary>
    MarkerNotEmitted,

    /// <summary>The write checkpoint given is one that precedes the upload.</summary>
    WriteCheckpointTooEarly,

    /// <summary>After a crash op ids are handed out again for other content.</summary>
    ReuseOpIds,

    /// <summary>A write counts as durable when it is handed to the disk.</summary>
    DurableTooEarly,

    /// <summary>Who is a member of what is not found after a restart.</summary>
    ForgetLookups,

    /// <summary>Write checkpoints reached are not found after a restart.</summary>
    ForgetWriteCheckpoints,

    /// <summary>Compaction drops one operation too many.</summary>
    LoseInCompaction,

    /// <summary>Compaction replaces a little more than it has read.</summary>
    CompactTooFar,

    /// <summary>Sessions are not told of grants and revocations.</summary>
    LookupsNotTold,

    /// <summary>Sessions are not told of write checkpoints.</summary>
    WriteCheckpointsNotTold,

    /// <summary>The grid believes that the store has what it does not have yet.</summary>
    EvictBeforeDurable,

    /// <summary>Now and then a line of operations is left out.</summary>
    LoseDataLine,

    /// <summary>A bucket that was lost leaves with the checkpoint after.</summary>
    RevokeLate,

    /// <summary>A stream goes on when its token has ended.</summary>
    TokenForEver,

    /// <summary>Everybody gets the rows of one user.</summary>
    OthersRows,

    /// <summary>An upload counts as done that nobody made.</summary>
    LoseUpload,

    /// <summary>An upload that is repeated gets another number.</summary>
    UploadAnew,

    /// <summary>Uploading ends with the first error.</summary>
    UploadGivesUp,

    /// <summary>A local write that was committed is lost when the device crashes.</summary>
    ForgetLocalWrites,

    /// <summary>A device waits for ever for a connection that is dead.</summary>
    TrustDeadConnection,

    /// <summary>A transaction is taken for two.</summary>
    SplitTransaction,

    /// <summary>Rows that are read have another form than those that are streamed.</summary>
    OtherFormInSnapshot,

    /// <summary>An upload takes effect after the one that follows it.</summary>
    UploadsChangePlaces,

    /// <summary>A server that was promoted is taken for the one before it.</summary>
    IgnoreTimeline,
}
