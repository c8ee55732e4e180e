using System.Text;
using System.Text.Json;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Source;

namespace TopGun.Buckets.Tests.Simulation.Checkers;

/// <summary>
/// Reads along one connection: the lines' order, C-OPID for every operation sent, C-SUM for every checkpoint completed, and C-LEAK for every bucket announced.
/// </summary>
internal sealed class WireChecker(World world, string user, string connection)
{
    private readonly SimLoop _loop = world.Loop;
    private readonly OpHistory _history = world.History;
    private readonly SortedDictionary<string, uint> _checkpoint = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, OpId> _after = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, (OpId Last, uint Checksum)> _received = new(StringComparer.Ordinal);
    private readonly List<byte> _line = [];
    private OpId _lastOpId;
    private bool _started;

    /// <summary>Number of lines seen.</summary>
    public int Lines { get; private set; }

    /// <summary>What the client says it holds.</summary>
    public void OnRequest(ReadOnlySpan<byte> body)
    {
        _loop.Record(connection, "request", body);
        using var request = JsonDocument.Parse(body.ToArray());
        if (!request.RootElement.TryGetProperty("buckets", out var buckets) || buckets.ValueKind != JsonValueKind.Array)
            return;
        foreach (var bucket in buckets.EnumerateArray())
            _after[bucket.GetProperty("name").GetString()!] = Parse(bucket.GetProperty("after"));
    }

    /// <summary>Bytes of the response, as the service wrote them.</summary>
    public void OnBytes(ReadOnlySpan<byte> bytes)
    {
        _loop.Record(connection, "bytes", bytes);
        foreach (var value in bytes)
        {
            if (value != (byte)'\n')
            {
                _line.Add(value);
                continue;
            }
            if (_line.Count > 0)
                OnLine([.. _line]);
            _line.Clear();
        }
    }

    private void OnLine(byte[] line)
    {
        Lines++;
        _loop.Record(connection, "line", Shorten(line));
        using var document = JsonDocument.Parse(line);
        var message = document.RootElement.EnumerateObject().Single();
        switch (message.Name)
        {
            case "checkpoint":
                _started = true;
                _checkpoint.Clear();
                Announce(message.Value, message.Value.GetProperty("buckets"));
                foreach (var unlisted in _after.Keys.Union(_received.Keys).Where(bucket => !_checkpoint.ContainsKey(bucket)).ToList())
                    Drop(unlisted);
                break;
            case "checkpoint_diff":
                if (!_started)
                    _loop.Fail("C-WIRE", $"{connection}: a diff came before any checkpoint.");
                foreach (var removed in message.Value.GetProperty("removed_buckets").EnumerateArray())
                    Drop(removed.GetString()!);
                Announce(message.Value, message.Value.GetProperty("updated_buckets"));
                break;
            case "data":
                OnData(message.Value);
                break;
            case "checkpoint_complete":
                OnComplete(Parse(message.Value.GetProperty("last_op_id")));
                break;
            default:
                break;
        }
    }

    private void Announce(JsonElement checkpoint, JsonElement buckets)
    {
        var lastOpId = Parse(checkpoint.GetProperty("last_op_id"));
        if (lastOpId < _lastOpId)
            _loop.Fail("C-CAUSAL", $"{connection}: checkpoint {lastOpId} came after {_lastOpId}.");
        _lastOpId = lastOpId;
        foreach (var bucket in buckets.EnumerateArray())
        {
            var name = bucket.GetProperty("bucket").GetString()!;
            _checkpoint[name] = unchecked((uint)bucket.GetProperty("checksum").GetInt64());
            if (!MaySee(name, lastOpId))
                _loop.Fail("C-LEAK", $"{connection}: {user} is given {name} at {lastOpId}, and no rule gives it at that checkpoint or later.");
        }
    }

    /// <summary>Whether the rules give a bucket to the user at a checkpoint, or at one that came after it by now.</summary>
    private bool MaySee(string bucket, OpId checkpoint)
    {
        using var parameters = JsonDocument.Parse(bucket[bucket.IndexOf('[', StringComparison.Ordinal)..]);
        if (parameters.RootElement.GetArrayLength() == 0)
            return true;
        var parameter = parameters.RootElement[0].GetString()!;
        if (_history.PositionOf(checkpoint) is not { } position)
            return true; // the next checker tells
        // It may have been given by a commit that the source has lost.
        if (world.Source.Lost.Any(commit => MaySee(bucket, parameter, commit.State)))
            return true;
        var commits = world.Source.Commits;
        for (var index = commits.Count - 1; index >= 0; index--)
        {
            if (MaySee(bucket, parameter, commits[index].State))
                return true;
            if (commits[index].End <= position)
                return false;
        }
        return false;
    }

    private bool MaySee(string bucket, string parameter, SourceState state) => world.Application.Workloads
        .Select(workload => workload.MaySee(bucket, parameter, user, state))
        .FirstOrDefault(answer => answer is not null) ?? throw new ArgumentException($"Nobody knows of {bucket}.", nameof(bucket));

    private void OnData(JsonElement data)
    {
        var bucket = data.GetProperty("bucket").GetString()!;
        if (!_checkpoint.ContainsKey(bucket))
            _loop.Fail("C-LEAK", $"{connection}: operations of {bucket} were sent, which the checkpoint does not hold.");
        var (last, sum) = _received.TryGetValue(bucket, out var received) ? received : Held(bucket);
        foreach (var op in data.GetProperty("data").EnumerateArray())
        {
            var opId = Parse(op.GetProperty("op_id"));
            if (opId <= last)
                _loop.Fail("C-OPID", $"{connection}: {bucket} got operation {opId} after {last}.");
            if (opId > _lastOpId)
                _loop.Fail("C-WIRE", $"{connection}: operation {opId} of {bucket} was sent under checkpoint {_lastOpId}.");
            last = opId;
            var checksum = op.GetProperty("checksum").GetUInt32();
            var kind = KindOf(op);
            sum = kind == OpKind.Clear ? checksum : unchecked(sum + checksum);
            _history.See(bucket, opId, kind, checksum, ContentOf(op));
        }
        _received[bucket] = (last, sum);
    }

    private void OnComplete(OpId lastOpId)
    {
        if (lastOpId != _lastOpId)
            _loop.Fail("C-WIRE", $"{connection}: checkpoint {_lastOpId} was completed as {lastOpId}.");
        foreach (var (bucket, announced) in _checkpoint)
        {
            var expected = _history.Sum(bucket, lastOpId);
            if (announced != expected)
                _loop.Fail("C-SUM", $"{connection}: {bucket} is announced with checksum {announced} at {lastOpId}; its operations sum to {expected}.");
            var (last, held) = _received.TryGetValue(bucket, out var received) ? received : Held(bucket);
            if (held != announced)
                _loop.Fail("C-SUM", $"{connection}: what {bucket} was sent up to {last} sums to {held}; {announced} was announced at {lastOpId}.");
        }
    }

    /// <summary>What the client had of a bucket when it connected.</summary>
    private (OpId Last, uint Checksum) Held(string bucket) => _after.TryGetValue(bucket, out var after)
        ? (after, _history.Sum(bucket, after))
        : (OpId.None, 0);

    private static OpKind KindOf(JsonElement op) => op.GetProperty("op").GetString() switch
    {
        "PUT" => OpKind.Put,
        "REMOVE" => OpKind.Remove,
        "MOVE" => OpKind.Move,
        "CLEAR" => OpKind.Clear,
        var other => throw new FormatException($"{other} is no kind of operation."),
    };

    /// <summary>A bucket that comes back later starts from nothing.</summary>
    private void Drop(string bucket)
    {
        _checkpoint.Remove(bucket);
        _after.Remove(bucket);
        _received.Remove(bucket);
    }

    // The fragment's bytes as they are stored follow the op id on the wire.
    private static ulong ContentOf(JsonElement op)
    {
        var text = op.GetRawText();
        return SimTrace.HashOf(Encoding.UTF8.GetBytes(text[text.IndexOf("\"op\":", StringComparison.Ordinal)..]));
    }

    private static OpId Parse(JsonElement text) =>
        OpId.TryParse(text.GetString(), out var opId) ? opId : throw new FormatException($"{text} is no op id.");

    private static string Shorten(byte[] line)
    {
        var text = Encoding.UTF8.GetString(line);
        return text.Length <= 300 ? text : text[..300] + "…";
    }
}
