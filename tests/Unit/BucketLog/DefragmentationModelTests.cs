using System.Text;
using System.Text.Json;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Null;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Protocol.Json;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>
/// Random transactions, with buckets compacted and defragmented whenever there is anything to win, and clients that download a little before each write:
/// whatever they have, in the end they show what the source has.
/// </summary>
public class DefragmentationModelTests
{
    private static readonly string[] Buckets = ["1#all[]", "1#short[]", .. Enumerable.Range(0, 4).Select(list => $"1#list[\"list{list}\"]")];

    [Theory]
    [InlineData(1)]
    [InlineData(11)]
    [InlineData(21)]
    [InlineData(31)]
    public async Task Clients_show_what_the_source_has_wherever_they_stood(int firstSeed)
    {
        var sentAgain = 0;
        for (var seed = firstSeed; seed < firstSeed + 10; seed++)
            sentAgain += await RunAsync(seed);
        Assert.True(sentAgain > 10, $"Rows were sent again {sentAgain} times only.");
    }

    /// <returns>How often rows were sent again.</returns>
    private static async Task<int> RunAsync(int seed)
    {
        var random = new Random(seed);
        var source = new RandomSource(seed);
        var disk = new NullColdStorage();
        List<Client> clients = [.. Enumerable.Range(0, 4).Select(_ => new Client(disk, Buckets.Where(_ => random.Next(3) > 0)))];
        var readable = OpId.None;
        await using var storage = new ObservedStorage(disk, _ => clients.ForEach(client => client.Download(readable, random.Next(4))));
        await using var log = await LogFixture.OpenFollowingAsync(storage, Options(random), rules: new ListRules(hasShort: true));
        for (var round = 0; round < 40; round++)
        {
            foreach (var transaction in source.Make(1 + random.Next(3)))
            {
                await log.AppendAsync(transaction);
                await log.FlushAsync();
                readable = log.Seen.Visible!.LastOpId;
                await log.Log.SettleAsync(TestContext.Current.CancellationToken);
                readable = log.Seen.Visible!.LastOpId;
            }
            if (random.Next(8) == 0)
                await log.Log.CompactAsync(TestContext.Current.CancellationToken);
            readable = log.Seen.Visible!.LastOpId;
            if (random.Next(3) > 0)
                continue;
            clients[random.Next(clients.Count)] = new Client(disk, Buckets.Where(_ => random.Next(3) > 0));
            foreach (var client in clients.Select(client => client.Copy()))
                Check(client, log, source, readable, $"seed {seed}, round {round}");
        }
        foreach (var client in clients)
            Check(client, log, source, readable, $"seed {seed}, the end");
        // What is sent again comes under the position of the transaction before.
        return log.Seen.Batches.Where(batch => batch.Ops.Length > 0).GroupBy(batch => batch.Checkpoint.Position).Sum(batches => batches.Count() - 1);
    }

    private static BucketLogOptions Options(Random random) => new()
    {
        Publish = random.Next(2) == 0 ? PublishMode.Memory : PublishMode.Durable,
        GroupCommitDelay = TimeSpan.Zero,
        CompactAfterOps = 1 + random.Next(3),
        CompactionKeys = 1 + random.Next(20),
        DefragmentAfterOps = 1 + random.Next(2),
        DefragmentRatio = random.Next(2),
        DefragmentBytesPerSecond = long.MaxValue,
    };

    private static void Check(Client client, LogFixture log, RandomSource source, OpId upTo, string when)
    {
        client.Download(upTo, int.MaxValue);
        foreach (var (bucket, checksum) in client.Checksums)
            Assert.True(log.Log.Directory.Find(bucket).Checksum == checksum, $"{when}: {bucket} has another sum");
        var expected = source.Todos.Select(row => Expected(client, row)).OfType<string>().Order(StringComparer.Ordinal);
        Assert.True(expected.SequenceEqual(client.Shown()), $"{when}: {string.Join('\n', client.Shown())}\ninstead of\n{string.Join('\n', expected)}");
    }

    /// <summary>What the rules make of a row for a client: of several copies the one that the rules give last.</summary>
    private static string? Expected(Client client, string?[] row)
    {
        if (row[2] == "hidden")
            return null;
        if (client.Holds("1#short[]"))
            return $"{{\"id\":\"{row[0]}\"}}";
        return client.Holds("1#all[]") || client.Holds($"1#list[\"{row[1]}\"]")
            ? $"{{\"id\":\"{row[0]}\",\"list_id\":\"{row[1]}\",\"text\":\"{row[2]}\",\"note\":\"{row[3]}\"}}"
            : null;
    }

    /// <summary>A device with some of the buckets: of copies of a row in several it shows the newest.</summary>
    private sealed class Client(NullColdStorage disk, IEnumerable<string> buckets)
    {
        private readonly Dictionary<string, (OpId Position, uint Checksum)> _buckets = buckets.ToDictionary(bucket => bucket, _ => (OpId.None, 0u));
        private readonly Dictionary<(string Bucket, string Key), (OpId OpId, string Row)> _rows = [];

        public IEnumerable<(string Bucket, uint Checksum)> Checksums => _buckets.Select(bucket => (bucket.Key, bucket.Value.Checksum));

        public bool Holds(string bucket) => _buckets.ContainsKey(bucket);

        public Client Copy()
        {
            var copy = new Client(disk, _buckets.Keys);
            foreach (var (bucket, state) in _buckets)
                copy._buckets[bucket] = state;
            foreach (var (key, row) in _rows)
                copy._rows.Add(key, row);
            return copy;
        }

        /// <summary>Reads on in every bucket, at most so many operations.</summary>
        public void Download(OpId upTo, int limit)
        {
            foreach (var bucket in _buckets.Keys.ToArray())
            {
                foreach (var op in disk.ReadAsync(bucket, _buckets[bucket].Position, upTo, CancellationToken.None).ToBlockingEnumerable().Take(limit).ToArray())
                    Receive(bucket, op);
            }
        }

        public IEnumerable<string> Shown() => _rows
            .GroupBy(row => JsonDocument.Parse(row.Value.Row).RootElement.GetProperty("id").GetString())
            .Select(copies => copies.MaxBy(copy => copy.Value.OpId).Value.Row)
            .Order(StringComparer.Ordinal);

        private void Receive(string bucket, BucketOp op)
        {
            var before = _buckets[bucket].Checksum;
            _buckets[bucket] = (op.OpId, op.Kind == OpKind.Clear ? op.Checksum : unchecked(before + op.Checksum));
            if (op.Kind == OpKind.Clear)
            {
                foreach (var key in _rows.Keys.Where(key => key.Bucket == bucket).ToArray())
                    _rows.Remove(key);
            }
            if (op.Kind is OpKind.Clear or OpKind.Move)
                return;
            var name = (bucket, Encoding.UTF8.GetString(OpFragment.KeyOf(op.Fragment.Span)));
            if (op.Kind == OpKind.Put)
                _rows[name] = (op.OpId, OpFragmentReader.Unescape(new OpFragmentReader(op.Fragment.Span).Data));
            else
                _rows.Remove(name);
        }
    }
}
