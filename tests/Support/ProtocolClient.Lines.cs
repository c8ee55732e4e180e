using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace TopGun.Buckets.Tests.Support;

public sealed partial class ProtocolClient
{
    private readonly OpHistory _history;
    private readonly Dictionary<string, BucketCopy> _buckets = [];
    private (ulong LastOpId, ulong? WriteCheckpoint, IReadOnlyDictionary<string, BucketCopy> Buckets)? _completed; // the last checkpoint
    private ClientView? _visible; // the same, once somebody has looked

    /// <summary>Number of buckets that the service took away.</summary>
    public int DroppedBuckets { get; private set; }

    /// <summary>Whether a bucket whose checksum differs is dropped and downloaded anew, as devices do, in place of being a violation.</summary>
    public bool Heals { get; set; }

    /// <summary>Number of buckets that were dropped for their checksum.</summary>
    public int HealedBuckets { get; private set; }

    private JsonObject RequestBody()
    {
        lock (_gate)
        {
            return new JsonObject
            {
                ["buckets"] = new JsonArray([.. _buckets.Select(bucket => new JsonObject
                {
                    ["name"] = bucket.Key,
                    ["after"] = bucket.Value.Position.ToString(CultureInfo.InvariantCulture),
                })]),
                ["client_id"] = ClientId,
                ["include_checksum"] = true,
                ["raw_data"] = true,
                ["parameters"] = Parameters.DeepClone(),
            };
        }
    }

    private void Apply(JsonElement message, CheckpointTarget target)
    {
        foreach (var line in message.EnumerateObject())
        {
            lock (_gate)
            {
                switch (line.Name)
                {
                    case "checkpoint":
                        target.Start(line.Value);
                        Drop([.. _buckets.Keys.Where(bucket => !target.Checksums.ContainsKey(bucket))]);
                        break;
                    case "checkpoint_diff":
                        target.Change(line.Value);
                        Drop([.. line.Value.GetProperty("removed_buckets").EnumerateArray().Select(name => name.GetString()!)]);
                        break;
                    case "data":
                        Receive(line.Value, target);
                        break;
                    case "checkpoint_complete":
                        Complete(line.Value, target);
                        break;
                }
            }
        }
    }

    private void Drop(IReadOnlyList<string> buckets)
    {
        foreach (var bucket in buckets)
        {
            if (_buckets.Remove(bucket))
                DroppedBuckets++;
        }
    }

    private void Receive(JsonElement data, CheckpointTarget target)
    {
        var name = data.GetProperty("bucket").GetString()!;
        if (!target.Checksums.ContainsKey(name))
            Violate($"Data of bucket {name} comes, which is not part of the checkpoint.");
        if (!_buckets.TryGetValue(name, out var bucket))
            _buckets.Add(name, bucket = new BucketCopy());

        foreach (var op in data.GetProperty("data").EnumerateArray())
        {
            var opId = Number(op.GetProperty("op_id"));
            if (opId <= bucket.Position)
                Violate($"Operation {opId} of bucket {name} comes after {bucket.Position}: it was downloaded already.");
            if (opId > target.LastOpId)
                Violate($"Operation {opId} of bucket {name} lies beyond checkpoint {target.LastOpId}.");
            if (!_history.TryAdd(name, opId, op))
                Violate($"Operation {opId} of bucket {name} had another content before.");
            bucket.Apply(opId, op);
        }
    }

    private void Complete(JsonElement complete, CheckpointTarget target)
    {
        var lastOpId = Number(complete.GetProperty("last_op_id"));
        if (lastOpId != target.LastOpId)
            Violate($"Checkpoint {lastOpId} is completed, but {target.LastOpId} was announced.");
        if (lastOpId < _completed?.LastOpId)
            Violate($"Checkpoint {lastOpId} comes after {_completed.Value.LastOpId}: time goes back.");
        foreach (var (name, checksum) in target.Checksums)
        {
            var received = _buckets.GetValueOrDefault(name)?.Checksum ?? 0;
            if (received != checksum && Heals)
            {
                _buckets.Remove(name);
                HealedBuckets++;
                throw new IOException($"Bucket {name} is downloaded anew."); // ends the connection; the next asks for all of it
            }
            if (received != checksum)
                Violate($"At checkpoint {lastOpId} bucket {name} should have checksum {checksum}, but has {received}.");
        }

        foreach (var name in target.Checksums.Keys)
        {
            // As the SDKs do: from here on the client asks for what comes after the checkpoint, and thereby tells how far it has seen.
            if (!_buckets.TryGetValue(name, out var bucket))
                _buckets.Add(name, bucket = new BucketCopy());
            bucket.Complete(lastOpId);
        }

        _completed = (lastOpId, target.WriteCheckpoint, new Dictionary<string, BucketCopy>(_buckets));
        _visible = null;
        if (Completed is not null)
            Completed(View()!);
        Signal();
    }

    /// <summary>The last completed checkpoint. Made when somebody looks, since all rows are gone through for it.</summary>
    private ClientView? View()
    {
        if (_visible is not null || _completed is not { } completed)
            return _visible;
        var rows = completed.Buckets.Values.SelectMany(bucket => bucket.Rows)
            .GroupBy(row => (row.Type, row.Id))
            .Select(copies => copies.MaxBy(copy => copy.OpId)!);
        return _visible = new ClientView(
            completed.LastOpId, completed.WriteCheckpoint, [.. rows], [.. completed.Buckets.Keys.Order(StringComparer.Ordinal)]);
    }

    private static ulong Number(JsonElement text) => ulong.Parse(text.GetString()!, NumberStyles.None, CultureInfo.InvariantCulture);

    /// <summary>What the service has announced on this connection.</summary>
    private sealed class CheckpointTarget
    {
        public ulong LastOpId { get; private set; }

        public ulong? WriteCheckpoint { get; private set; }

        public Dictionary<string, uint> Checksums { get; } = [];

        public void Start(JsonElement checkpoint)
        {
            Checksums.Clear();
            Read(checkpoint, checkpoint.GetProperty("buckets"));
        }

        public void Change(JsonElement diff)
        {
            foreach (var name in diff.GetProperty("removed_buckets").EnumerateArray())
                Checksums.Remove(name.GetString()!);
            Read(diff, diff.GetProperty("updated_buckets"));
        }

        private void Read(JsonElement line, JsonElement buckets)
        {
            LastOpId = Number(line.GetProperty("last_op_id"));
            WriteCheckpoint = line.TryGetProperty("write_checkpoint", out var number) && number.ValueKind == JsonValueKind.String ? Number(number) : null;
            foreach (var bucket in buckets.EnumerateArray())
                Checksums[bucket.GetProperty("bucket").GetString()!] = unchecked((uint)bucket.GetProperty("checksum").GetInt64());
        }
    }
}

/// <summary>What a client shows: the state of a completed checkpoint.</summary>
/// <param name="LastOpId">The checkpoint.</param>
/// <param name="WriteCheckpoint">Highest acknowledged write checkpoint.</param>
/// <param name="Rows">All rows.</param>
/// <param name="Buckets">Names of the buckets, in order.</param>
public sealed record ClientView(ulong LastOpId, ulong? WriteCheckpoint, IReadOnlyList<RowCopy> Rows, IReadOnlyList<string> Buckets);
