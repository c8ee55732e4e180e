using System.Text;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>What a client keeps of a bucket: its live rows, and the sum of everything that it was sent.</summary>
internal sealed class ReducedBucket
{
    public SortedDictionary<string, string> Rows { get; private init; } = new(StringComparer.Ordinal);

    public uint Checksum { get; private set; }

    /// <summary>The last operation received.</summary>
    public OpId Position { get; private set; }

    public static ReducedBucket Of(IEnumerable<BucketOp> ops)
    {
        var bucket = new ReducedBucket();
        foreach (var op in ops)
            bucket.Receive(op);
        return bucket;
    }

    public ReducedBucket Copy() => new() { Rows = new SortedDictionary<string, string>(Rows, StringComparer.Ordinal), Checksum = Checksum, Position = Position };

    public void Receive(BucketOp op)
    {
        if (op.OpId <= Position)
            throw new InvalidOperationException($"Operation {op.OpId} came after {Position}.");
        Position = op.OpId;
        if (op.Kind == OpKind.Clear)
        {
            Rows.Clear();
            Checksum = op.Checksum;
            return;
        }
        Checksum = unchecked(Checksum + op.Checksum);
        if (op.Kind is OpKind.Put)
            Rows[KeyOf(op)] = Encoding.UTF8.GetString(op.Fragment.Span);
        if (op.Kind is OpKind.Remove)
            Rows.Remove(KeyOf(op));
    }

    public override string ToString() => $"sum {Checksum}: {string.Join(Environment.NewLine, Rows.Values)}";

    // As a client would: by the text between the kind and what follows the subkey.
    private static string KeyOf(BucketOp op)
    {
        using var json = System.Text.Json.JsonDocument.Parse("{" + Encoding.UTF8.GetString(op.Fragment.Span));
        return string.Join('\n', new[] { "object_type", "object_id", "subkey" }.Select(part => json.RootElement.GetProperty(part).GetString()));
    }
}
