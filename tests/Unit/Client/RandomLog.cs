using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>A service and its model in one: writes random operations into a few buckets, compacts and cuts streams, and knows the right rows.</summary>
internal sealed class RandomLog(int seed)
{
    private readonly Random _random = new(seed);
    private readonly SortedDictionary<string, ModelBucket> _buckets = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _sent = new(StringComparer.Ordinal);
    private readonly List<string> _removed = [];
    private readonly int[] _generations = new int[4];
    private long _opId;
    private bool _streaming;

    public async Task RunAsync(ApplierBench bench)
    {
        for (var round = 0; round < 40; round++)
        {
            ChangeLog();
            if (!_streaming || _random.Next(6) == 0)
                await ReconnectAsync(bench);
            if (await SendAsync(bench))
                Assert.True(Expected() == await bench.RowsAsync(), $"Seed {seed}, round {round}: expected {Expected()}, found {await bench.RowsAsync()}.");
        }
    }

    private void ChangeLog()
    {
        for (var change = _random.Next(8); change > 0; change--)
        {
            var slot = _random.Next(4);
            var name = $"b{slot}.{_generations[slot]}";
            if (_random.Next(25) == 0 && _buckets.Remove(name))
            {
                _removed.Add(name);
                _generations[slot]++; // a name never stands for two logs
                continue;
            }
            if (!_buckets.TryGetValue(name, out var bucket))
                _buckets.Add(name, bucket = new ModelBucket { Priority = _random.Next(1, 4) });
            var key = (Id: $"t{_random.Next(6)}", Subkey: $"s{_random.Next(2)}");
            if (_random.Next(10) == 0)
                bucket.Compact(_random);
            else
                bucket.Add(++_opId, key.Id, key.Subkey, put: _random.Next(3) > 0, (uint)_random.NextInt64(1L << 32));
        }
    }

    private async Task ReconnectAsync(ApplierBench bench)
    {
        _sent.Clear();
        foreach (var position in (await bench.ConnectAsync()).Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var at = position.LastIndexOf('@');
            _sent[position[..at]] = long.Parse(position[(at + 1)..], System.Globalization.CultureInfo.InvariantCulture);
        }
        await bench.ApplyAsync(Lines.Checkpoint(_opId, null, [.. Described()]));
        _removed.Clear();
        _streaming = true;
    }

    private async Task<bool> SendAsync(ApplierBench bench)
    {
        await bench.ApplyAsync(Lines.Diff(_opId, null, [.. Described()], [.. _removed]));
        _removed.Clear();
        var whole = _random.Next(5) > 0;
        foreach (var priority in (int[])[1, 2, 3])
        {
            foreach (var (name, bucket) in _buckets.Where(pair => pair.Value.Priority == priority))
            {
                var ops = bucket.After(_sent.GetValueOrDefault(name)).ToList();
                if (!whole)
                    ops = ops[.._random.Next(ops.Count + 1)];
                if (ops.Count == 0)
                    continue;
                await bench.ApplyAsync(Lines.Data(name, [.. ops.Select(op => op.Line)]));
                _sent[name] = ops[^1].OpId;
            }
            if (whole && priority < 3 && _random.Next(2) == 0)
                Assert.Empty((await bench.ApplyAsync(Lines.Partial(_opId, priority))).Mismatched);
        }
        if (!whole)
            return false; // the checkpoint was overtaken
        var result = await bench.ApplyAsync(Lines.Complete(_opId));
        Assert.True(result.Mismatched.Count == 0, $"Seed {seed}: the sums of {string.Join(' ', result.Mismatched)} differ.");
        return true;
    }

    private IEnumerable<(string, uint, int)> Described() => _buckets.Select(pair => (pair.Key, pair.Value.Sum, pair.Value.Priority));

    private string Expected()
    {
        var newest = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var bucket in _buckets.Values)
        {
            foreach (var ((id, _), opId) in bucket.Live)
                newest[id] = Math.Max(newest.GetValueOrDefault(id), opId);
        }
        return string.Join(' ', newest.Select(row => $"{row.Key}={row.Value}"));
    }

    private sealed class ModelBucket
    {
        private readonly List<(long OpId, string Kind, string Id, string Subkey, uint Sum)> _ops = [];

        public int Priority { get; init; }

        public uint Sum => _ops.Aggregate(0U, (sum, op) => sum + op.Sum);

        public Dictionary<(string Id, string Subkey), long> Live
        {
            get
            {
                var live = new Dictionary<(string, string), long>();
                foreach (var op in _ops)
                {
                    if (op.Kind == "PUT")
                        live[(op.Id, op.Subkey)] = op.OpId;
                    else if (op.Kind == "REMOVE")
                        live.Remove((op.Id, op.Subkey));
                }
                return live;
            }
        }

        public void Add(long opId, string id, string subkey, bool put, uint sum) => _ops.Add((opId, put ? "PUT" : "REMOVE", id, subkey, sum));

        /// <summary>Redundant operations become placeholders; a run of placeholders at the start becomes one CLEAR.</summary>
        public void Compact(Random random)
        {
            var seen = new HashSet<(string, string)>();
            for (var index = _ops.Count - 1; index >= 0; index--)
            {
                var op = _ops[index];
                if (op.Kind is "PUT" or "REMOVE" && !seen.Add((op.Id, op.Subkey)))
                    _ops[index] = (op.OpId, "MOVE", "", "", op.Sum);
            }
            var leading = _ops.TakeWhile(op => op.Kind is "MOVE" or "REMOVE" or "CLEAR").Count();
            if (leading > 0 && random.Next(2) == 0)
            {
                var sum = _ops.Take(leading).Aggregate(0U, (total, op) => total + op.Sum);
                _ops[leading - 1] = (_ops[leading - 1].OpId, "CLEAR", "", "", sum);
                _ops.RemoveRange(0, leading - 1);
            }
        }

        public IEnumerable<(long OpId, string Line)> After(long opId) => _ops.Where(op => op.OpId > opId).Select(op => (op.OpId, op.Kind switch
        {
            "PUT" => Lines.Put(op.OpId, "todos", op.Id, $"{{\"title\":\"{op.OpId}\"}}", op.Sum, op.Subkey),
            "REMOVE" => Lines.Remove(op.OpId, "todos", op.Id, op.Sum, op.Subkey),
            "MOVE" => Lines.Move(op.OpId, op.Sum),
            _ => Lines.Clear(op.OpId, op.Sum),
        }));
    }
}
