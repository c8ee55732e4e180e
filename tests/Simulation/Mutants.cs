using System.Runtime.CompilerServices;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>Builds the defects into the wiring.</summary>
internal static class Mutants
{
    public static IChangeSource Wrap(Mutant mutant, IChangeSource source) =>
        mutant == Mutant.AcknowledgeBeforeDurable ? new HastySource(source) : source;

    public static IColdStorage Wrap(Mutant mutant, IColdStorage storage, int life) =>
        mutant == Mutant.ReuseOpIds && life > 1 ? storage : storage;

    /// <summary>Acknowledges a transaction as soon as it was read.</summary>
    private sealed class HastySource(IChangeSource source) : IChangeSource
    {
        public void Acknowledge(Lsn position) => source.Acknowledge(position);

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
}
