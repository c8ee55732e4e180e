using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using TopGun.Buckets.Client;

namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>A service and the app's backend in memory: rows, the buckets they fall into, uploads that take effect once.</summary>
internal sealed class ModelService
{
    private readonly List<(long OpId, string Bucket, string Id, string? Title, uint Sum)> _log = [];
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private readonly Random _random;
    private uint _writeCheckpoint;

    public ModelService(int seed) => _random = new Random(seed);

    public SortedDictionary<string, string> Rows { get; } = new(StringComparer.Ordinal);

    /// <summary>How often each row was inserted by an upload.</summary>
    public Dictionary<string, int> Inserted { get; } = new(StringComparer.Ordinal);

    public string Expected => string.Join(' ', Rows.Select(row => $"{row.Key}={row.Value}"));

    /// <summary>A change made in the source database.</summary>
    public void Change(string id, string? title)
    {
        if (title is null && !Rows.ContainsKey(id))
            return;
        if (title is null)
            Rows.Remove(id);
        else
            Rows[id] = title;
        var bucket = id[^1] % 2 == 0 ? "even" : "odd";
        _log.Add((_log.Count + 1, bucket, id, title, (uint)_random.NextInt64(1L << 32)));
    }

    /// <summary>What one run of a client talks to; after its death the service hears nothing of it.</summary>
    public Link Connect() => new(this);

    private UploadOutcome Apply(UploadTransaction transaction)
    {
        if (!_seen.Add(transaction.IdempotencyKey))
            return UploadOutcome.Done;
        foreach (var entry in transaction.Entries)
        {
            if (entry.Op == CrudOp.Put)
                Inserted[entry.Id] = Inserted.GetValueOrDefault(entry.Id) + 1;
            Change(entry.Id, entry.Op == CrudOp.Delete ? null : entry.Data!.Value.GetProperty("title").GetString());
        }
        return UploadOutcome.Done;
    }

    internal sealed class Link(ModelService service) : ISyncTransport, IUploadHandler
    {
        private readonly Dictionary<string, long> _sent = new(StringComparer.Ordinal);
        private PipeWriter? _stream;

        public bool Dead { get; set; }

        public Task<PipeReader> OpenStreamAsync(ReadOnlyMemory<byte> request, SyncCredentials credentials, CancellationToken cancellationToken)
        {
            if (Dead)
                return Task.FromException<PipeReader>(new TransportException("dead"));
            _sent.Clear();
            foreach (var bucket in JsonDocument.Parse(request).RootElement.GetProperty("buckets").EnumerateArray())
                _sent[bucket.GetProperty("name").GetString()!] = long.Parse(bucket.GetProperty("after").GetString()!, System.Globalization.CultureInfo.InvariantCulture);
            var pipe = new Pipe(new PipeOptions(readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 0));
            _stream = pipe.Writer;
            Write(Lines.Checkpoint(service._log.Count, WriteCheckpoint, [.. Described()]));
            SendData();
            return FlushedAsync(pipe.Reader);
        }

        public async Task<ulong> RequestWriteCheckpointAsync(string clientId, SyncCredentials credentials, CancellationToken cancellationToken)
        {
            ThrowIfDead();
            var number = ++service._writeCheckpoint;
            await PushAsync();
            return number;
        }

        public async Task<IReadOnlyList<UploadOutcome>> UploadAsync(IReadOnlyList<UploadTransaction> transactions, CancellationToken cancellationToken)
        {
            ThrowIfDead();
            var outcomes = transactions.Take(1 + service._random.Next(transactions.Count)).Select(service.Apply).ToList();
            await PushAsync();
            if (service._random.Next(4) == 0)
                throw new HttpRequestException("the answer was lost on the way");
            return outcomes;
        }

        /// <summary>Sends what is new; now and then only the beginning of it, as if another change had come in between.</summary>
        public async Task PushAsync()
        {
            if (_stream is null || Dead)
                return;
            Write(Lines.Diff(service._log.Count, WriteCheckpoint, [.. Described()]));
            SendData();
            await _stream.FlushAsync(ClientCalls.Now);
        }

        /// <summary>Ends the stream, as a network does.</summary>
        public async Task CutAsync()
        {
            if (_stream is { } stream)
                await stream.CompleteAsync();
            _stream = null;
        }

        private long? WriteCheckpoint => service._writeCheckpoint == 0 ? null : service._writeCheckpoint;

        private IEnumerable<(string, uint, int)> Described() => service._log.GroupBy(op => op.Bucket).OrderBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => (group.Key, group.Aggregate(0U, (sum, op) => sum + op.Sum), 3));

        private void SendData()
        {
            foreach (var group in service._log.GroupBy(op => op.Bucket).OrderBy(group => group.Key, StringComparer.Ordinal))
            {
                foreach (var ops in group.Where(op => op.OpId > _sent.GetValueOrDefault(op.Bucket)).Chunk(3))
                {
                    Write(Lines.Data(group.Key, [.. ops.Select(op => op.Title is null
                        ? Lines.Remove(op.OpId, "todos", op.Id, op.Sum)
                        : Lines.Put(op.OpId, "todos", op.Id, $"{{\"title\":\"{op.Title}\"}}", op.Sum))]));
                    _sent[group.Key] = ops[^1].OpId;
                }
            }
            Write(Lines.Complete(service._log.Count));
        }

        private void Write(string line)
        {
            var bytes = Encoding.UTF8.GetBytes(line + "\n");
            bytes.CopyTo(_stream!.GetSpan(bytes.Length));
            _stream.Advance(bytes.Length);
        }

        private async Task<PipeReader> FlushedAsync(PipeReader reader)
        {
            await _stream!.FlushAsync(ClientCalls.Now);
            return reader;
        }

        private void ThrowIfDead()
        {
            if (Dead)
                throw new TransportException("dead");
        }
    }
}
