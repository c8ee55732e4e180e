using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Client.Sync;

/// <summary>What the device holds of one bucket: a mirror of its row in <c>tg_bucket</c>.</summary>
internal sealed class LocalBucket(long id, string name)
{
    public long Id { get; } = id;

    public string Name { get; } = name;

    /// <summary>Newest operation received, or the checkpoint that was complete with it.</summary>
    public OpId Received { get; set; }

    /// <summary>Operations above it are not visible yet.</summary>
    public OpId Published { get; set; }

    /// <summary>Whether rows of it may have been shown, so that what leaves it has to be looked at.</summary>
    public bool EverPublished { get; set; }

    /// <summary>Wrapping sum over the operations that are still held.</summary>
    public uint SumLive { get; set; }

    /// <summary>Wrapping sum over the operations that later ones made redundant.</summary>
    public uint SumGone { get; set; }

    public long CountAtLast { get; set; }

    public long CountSinceLast { get; set; }

    public long Bytes { get; set; }

    /// <summary>Bytes received of the running checkpoint, as far as this process has received them.</summary>
    public long BytesSinceLast { get; set; }

    public int Priority { get; set; } = 3;

    /// <summary>Differs from its row in the database.</summary>
    public bool Changed { get; set; }

    public uint Checksum => SumLive + SumGone;
}
