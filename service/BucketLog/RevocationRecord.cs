using System.Text;

namespace TopGun.Buckets.BucketLog;

/// <summary>Where revocations of tokens lie in <see cref="RecordTable.Meta"/>, because they outlive a new snapshot; what is in them is the host's affair.</summary>
public static class RevocationRecord
{
    private static ReadOnlySpan<byte> Prefix => "revocation:"u8;

    /// <summary>All that a store holds.</summary>
    public static async ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> ReadAllAsync(IColdStorage storage, CancellationToken cancellationToken)
    {
        List<ReadOnlyMemory<byte>> all = [];
        await foreach (var stored in storage.ScanAsync(RecordTable.Meta, Prefix.ToArray(), cancellationToken))
            all.Add(stored.Value.ToArray());
        return all;
    }

    internal static byte[] Key(string name) => [.. Prefix, .. Encoding.UTF8.GetBytes(name)];

    /// <summary>Whether any of these records is one.</summary>
    internal static bool IsAmong(RecordChanges records)
    {
        for (var index = 0; index < records.Count; index++)
        {
            if (records.Table(index) == RecordTable.Meta && records.Key(index).StartsWith(Prefix))
                return true;
        }
        return false;
    }
}
