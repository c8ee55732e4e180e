using System.Globalization;
using System.Text;
using System.Text.Json;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Unit.BucketLog;

namespace TopGun.Buckets.Tests.Unit.Streaming;

/// <summary>A client of the plainest kind, which trusts nothing: order, exactly once, and every announced checksum.</summary>
public sealed class Replica
{
    private readonly Dictionary<string, (uint Checksum, int Priority)> _announced = [];
    private readonly Dictionary<string, List<(OpId OpId, uint Checksum)>> _ops = [];
    private readonly Dictionary<string, ReducedBucket> _rows = [];

    public OpId Completed { get; private set; }

    /// <summary>Whether everything that was announced last has been verified.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>As announced last.</summary>
    public ulong WriteCheckpoint { get; private set; }

    public IEnumerable<string> Buckets => _announced.Keys;

    /// <summary>What a client tells when it connects.</summary>
    public IEnumerable<(string Bucket, OpId After)> Positions => _ops.Select(bucket => (bucket.Key, bucket.Value[^1].OpId));

    public List<OpId> OpsOf(string bucket) => [.. _ops.GetValueOrDefault(bucket, []).Select(op => op.OpId)];

    /// <summary>The bucket's live rows.</summary>
    public IEnumerable<string> RowsOf(string bucket) => _rows.TryGetValue(bucket, out var rows) ? rows.Rows.Values : [];

    /// <summary>Number of placeholders received.</summary>
    public int Placeholders { get; private set; }

    public void Receive(string line)
    {
        using var document = JsonDocument.Parse(line);
        var message = document.RootElement.EnumerateObject().Single();
        switch (message.Name)
        {
            case "checkpoint":
                _announced.Clear();
                ReadWriteCheckpoint(message.Value);
                Announce(message.Value.GetProperty("buckets"));
                foreach (var name in _ops.Keys.Except(_announced.Keys).ToList())
                    Drop(name);
                break;
            case "checkpoint_diff":
                ReadWriteCheckpoint(message.Value);
                foreach (var name in message.Value.GetProperty("removed_buckets").EnumerateArray())
                {
                    if (!_announced.Remove(name.GetString()!))
                        throw new InvalidOperationException($"Bucket {name} was removed without being there.");
                    Drop(name.GetString()!);
                }
                Announce(message.Value.GetProperty("updated_buckets"));
                break;
            case "data":
                ReceiveData(message.Value);
                break;
            case "partial_checkpoint_complete":
                Verify(message.Value.GetProperty("priority").GetInt32());
                break;
            case "checkpoint_complete":
                Verify(int.MaxValue);
                IsComplete = true;
                Completed = OpIdOf(message.Value.GetProperty("last_op_id"));
                break;
            case "token_expires_in":
                break;
            default:
                throw new InvalidOperationException($"Unknown line: {line}");
        }
    }

    private void ReadWriteCheckpoint(JsonElement checkpoint)
    {
        IsComplete = false;
        WriteCheckpoint = checkpoint.TryGetProperty("write_checkpoint", out var id) ? OpIdOf(id).Value : 0;
    }

    private void Announce(JsonElement buckets)
    {
        foreach (var bucket in buckets.EnumerateArray())
            _announced[bucket.GetProperty("bucket").GetString()!] = (bucket.GetProperty("checksum").GetUInt32(), bucket.GetProperty("priority").GetInt32());
    }

    private void ReceiveData(JsonElement data)
    {
        var name = data.GetProperty("bucket").GetString()!;
        if (!_announced.ContainsKey(name))
            throw new InvalidOperationException($"Data of bucket {name}, which was not announced.");
        if (!_ops.TryGetValue(name, out var ops))
            _ops.Add(name, ops = []);
        foreach (var op in data.GetProperty("data").EnumerateArray())
        {
            var opId = OpIdOf(op.GetProperty("op_id"));
            if (ops.Count > 0 && opId <= ops[^1].OpId)
                throw new InvalidOperationException($"Operation {opId} of bucket {name} came again or out of order.");
            Receive(name, ops, opId, op);
        }
        if (ops.Count == 0 || ops[^1].OpId != OpIdOf(data.GetProperty("next_after")))
            throw new InvalidOperationException($"A line of bucket {name} does not end where it says.");
    }

    private void Receive(string bucket, List<(OpId OpId, uint Checksum)> ops, OpId opId, JsonElement op)
    {
        var checksum = op.GetProperty("checksum").GetUInt32();
        var kind = Enum.Parse<OpKind>(op.GetProperty("op").GetString()!, ignoreCase: true);
        if (kind == OpKind.Clear)
            ops.Clear();
        if (kind is OpKind.Clear or OpKind.Move)
            Placeholders++;
        ops.Add((opId, checksum));
        if (!_rows.TryGetValue(bucket, out var rows))
            _rows.Add(bucket, rows = new ReducedBucket());
        var text = op.GetRawText();
        rows.Receive(new BucketOp(opId, kind, checksum, Encoding.UTF8.GetBytes(text[text.IndexOf("\"op\":", StringComparison.Ordinal)..])));
    }

    private void Drop(string bucket)
    {
        _ops.Remove(bucket);
        _rows.Remove(bucket);
    }

    private void Verify(int upToPriority)
    {
        foreach (var (name, (checksum, priority)) in _announced)
        {
            var sum = _ops.GetValueOrDefault(name, []).Aggregate(0u, (total, op) => total + op.Checksum);
            if (priority <= upToPriority && sum != checksum)
                throw new InvalidOperationException($"Bucket {name}: {checksum} was announced, {sum} was received.");
        }
    }

    private static OpId OpIdOf(JsonElement element) => new(ulong.Parse(element.GetString()!, CultureInfo.InvariantCulture));
}
