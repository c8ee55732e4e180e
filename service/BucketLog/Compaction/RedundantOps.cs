using System.Buffers.Binary;
using System.Security.Cryptography;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog.Compaction;

/// <summary>Which operations of a bucket a later one of the same key makes redundant: one bit for each, by its place in the log.</summary>
/// <remarks>
/// The log is read from its start to its end and the last place of every key is remembered. Keys are hashed to 128 bits by SHA-256, because rows
/// can be made by people with bad intentions. When there may be more keys than fit, only some of them are looked at in each of several readings.
/// </remarks>
internal sealed class RedundantOps
{
    private readonly List<ulong> _bits = [];
    private readonly Dictionary<UInt128, int> _lastPlaces = [];

    private RedundantOps()
    {
    }

    /// <summary>Number of operations read.</summary>
    public int OpCount { get; private set; }

    /// <summary>Number of operations found that are redundant and not yet placeholders.</summary>
    public int Count { get; private set; }

    /// <summary>The last operation read.</summary>
    public OpId LastOpId { get; private set; }

    public bool this[int place] => (_bits[place >> 6] & (1UL << place)) != 0;

    /// <param name="storage">Where the bucket is.</param>
    /// <param name="bucket">Its name.</param>
    /// <param name="upTo">Bound of what is looked at.</param>
    /// <param name="readings">Number of readings; each remembers that part of the keys.</param>
    /// <param name="cancellationToken">Stops between operations.</param>
    public static async ValueTask<RedundantOps> FindAsync(
        IColdStorage storage, string bucket, OpId upTo, int readings, CancellationToken cancellationToken)
    {
        var found = new RedundantOps();
        for (var reading = 0; reading < readings; reading++)
        {
            var place = 0;
            await foreach (var op in storage.ReadAsync(bucket, OpId.None, upTo, cancellationToken))
                found.Look(op, place++, reading, readings);
            found._lastPlaces.Clear();
        }
        return found;
    }

    private void Look(in BucketOp op, int place, int reading, int readings)
    {
        if (place == OpCount)
        {
            OpCount++;
            LastOpId = op.OpId;
            if ((place & 63) == 0)
                _bits.Add(0);
        }
        if (op.Kind is not (OpKind.Put or OpKind.Remove))
            return;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(OpFragment.KeyOf(op.Fragment.Span), hash);
        var key = BinaryPrimitives.ReadUInt128LittleEndian(hash);
        if (hash[16] % readings != reading)
            return;
        if (_lastPlaces.TryGetValue(key, out var earlier))
        {
            _bits[earlier >> 6] |= 1UL << earlier;
            Count++;
        }
        _lastPlaces[key] = place;
    }
}
