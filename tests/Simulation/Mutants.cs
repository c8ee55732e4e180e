using System.Buffers;
using System.Runtime.CompilerServices;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>Builds the defects into the wiring.</summary>
internal static class Mutants
{
    public static IChangeSource Wrap(Mutant mutant, IChangeSource source) =>
        mutant == Mutant.AcknowledgeBeforeDurable ? new HastySource(source) : source;

    public static IColdStorage Wrap(Mutant mutant, IColdStorage storage, int life) =>
        mutant switch
        {
            Mutant.ReuseOpIds when life > 1 => new ForgetfulStore(storage),
            Mutant.LoseInCompaction => new LossyStore(storage),
            _ => storage,
        };

    /// <summary>Acknowledges a transaction as soon as it was read.</summary>
    private sealed class HastySource(IChangeSource source) : IChangeSource
    {
        public void Acknowledge(Lsn position) => source.Acknowledge(position);

        public void Follow(IReadOnlyList<TablePattern> tables) => source.Follow(tables);

        public void ReadAgain(TablePattern tables, string reason) => source.ReadAgain(tables, reason);

        public async IAsyncEnumerable<SourceEvent> ReadAsync(
            ReplicationState? stored, Lsn position, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await foreach (var change in source.ReadAsync(stored, position, cancellationToken))
            {
                if (change is TransactionCommitted committed)
                    source.Acknowledge(committed.Transaction.EndPosition);
                yield return change;
            }
        }
    }

    /// <summary>Loses the last operation of each range that is replaced.</summary>
    private sealed class LossyStore(IColdStorage storage) : IColdStorage
    {
        public ValueTask OpenAsync(CancellationToken cancellationToken) => storage.OpenAsync(cancellationToken);

        public ValueTask WriteAsync(StoreWrite write, CancellationToken cancellationToken)
        {
            for (var index = 0; index < write.Rewrites.Count; index++)
            {
                var rewrite = write.Rewrites[index];
                if (rewrite.Ops.Length > 0)
                    write.Rewrites[index] = rewrite with { Ops = rewrite.Ops[..^1] };
            }
            return storage.WriteAsync(write, cancellationToken);
        }

        public ValueTask GetAsync(RecordQuery query, CancellationToken cancellationToken) => storage.GetAsync(query, cancellationToken);

        public IAsyncEnumerable<StoredRecord> ScanAsync(RecordTable table, ReadOnlyMemory<byte> prefix, CancellationToken cancellationToken) =>
            storage.ScanAsync(table, prefix, cancellationToken);

        public IAsyncEnumerable<BucketOp> ReadAsync(string bucket, OpId after, OpId upTo, CancellationToken cancellationToken) =>
            storage.ReadAsync(bucket, after, upTo, cancellationToken);

        public ValueTask DisposeAsync() => storage.DisposeAsync();
    }

    /// <summary>Forgets the newest op ids that it was told of.</summary>
    private sealed class ForgetfulStore(IColdStorage storage) : IColdStorage
    {
        private const ulong Forgotten = 5;

        public ValueTask OpenAsync(CancellationToken cancellationToken) => storage.OpenAsync(cancellationToken);

        public ValueTask WriteAsync(StoreWrite write, CancellationToken cancellationToken) => storage.WriteAsync(write, cancellationToken);

        public async ValueTask GetAsync(RecordQuery query, CancellationToken cancellationToken)
        {
            await storage.GetAsync(query, cancellationToken);
            for (var index = 0; index < query.Count; index++)
            {
                if (query.Table(index) == RecordTable.Meta
                    && query.Key(index).Span.SequenceEqual(MetaKey.Position)
                    && query.TryGetValue(index, out var value))
                    query.SetValue(index, Forget(LogPosition.Read(value.Span)));
            }
        }

        public IAsyncEnumerable<StoredRecord> ScanAsync(RecordTable table, ReadOnlyMemory<byte> prefix, CancellationToken cancellationToken) =>
            storage.ScanAsync(table, prefix, cancellationToken);

        public IAsyncEnumerable<BucketOp> ReadAsync(string bucket, OpId after, OpId upTo, CancellationToken cancellationToken) =>
            storage.ReadAsync(bucket, after, upTo, cancellationToken);

        public ValueTask DisposeAsync() => storage.DisposeAsync();

        private static ReadOnlySpan<byte> Forget(LogPosition position)
        {
            var output = new ArrayBufferWriter<byte>(64);
            (position with { LastOpId = new OpId(position.LastOpId.Value - Math.Min(Forgotten, position.LastOpId.Value)) }).Write(output);
            return output.WrittenSpan;
        }
    }
}
