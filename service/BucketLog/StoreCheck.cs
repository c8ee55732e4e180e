using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.BucketLog;

/// <summary>Something in a store that is not as it has to be.</summary>
/// <param name="Subject">What it is about: a bucket, or a kind of record.</param>
/// <param name="Problem">A sentence.</param>
public sealed record StoreProblem(string Subject, string Problem);

/// <summary>What the check of a store found.</summary>
/// <param name="Generation">Identity of the store; null when there is none in it.</param>
/// <param name="Totals">What was read.</param>
/// <param name="Problems">Empty when all is well.</param>
public sealed record StoreReport(Guid? Generation, StoreTotals Totals, IReadOnlyList<StoreProblem> Problems);

/// <summary>Reads everything in a store and compares each bucket's operations with its totals.</summary>
public static class StoreCheck
{
    private const int MostProblems = 1000; // a store that is damaged throughout is described well enough by these

    /// <summary>Checks an opened store that nobody writes.</summary>
    public static async Task<StoreReport> RunAsync(IColdStorage storage, CancellationToken cancellationToken)
    {
        var problems = new List<StoreProblem>();
        var totals = default(StoreTotals);
        var (generation, position) = await ReadMetaAsync(storage, problems, cancellationToken);
        foreach (var table in Enum.GetValues<RecordTable>())
        {
            if (problems.Count >= MostProblems)
                break;
            List<StoredRecord> buckets = [];
            try
            {
                await foreach (var record in storage.ScanAsync(table, default, cancellationToken))
                {
                    totals = totals with { Records = totals.Records + 1 };
                    Parse(table, record);
                    if (table == RecordTable.Bucket)
                        buckets.Add(record);
                }
            }
            catch (BucketsException failure)
            {
                problems.Add(new StoreProblem($"records of kind {table}", failure.Message));
            }
            foreach (var bucket in buckets)
            {
                if (problems.Count >= MostProblems)
                    break;
                totals = await CheckBucketAsync(storage, bucket, position, totals, problems, cancellationToken);
            }
        }
        return new StoreReport(generation, totals, problems);
    }

    private static async ValueTask<(Guid? Generation, LogPosition? Position)> ReadMetaAsync(
        IColdStorage storage, List<StoreProblem> problems, CancellationToken cancellationToken)
    {
        var query = new RecordQuery();
        query.Add(RecordTable.Meta, MetaKey.Generation);
        query.Add(RecordTable.Meta, MetaKey.Position);
        query.Add(RecordTable.Meta, MetaKey.Copying);
        try
        {
            await storage.GetAsync(query, cancellationToken);
            if (query.TryGetValue(2, out _))
                problems.Add(new StoreProblem("store", new UnfinishedCopyException().Message));
            if (!query.TryGetValue(0, out var generation))
                return (null, null);
            return (LogGeneration.Read(generation.Span).Id, query.TryGetValue(1, out var position) ? LogPosition.Read(position.Span) : null);
        }
        catch (BucketsException failure)
        {
            problems.Add(new StoreProblem("store", failure.Message));
            return (null, null);
        }
    }

    private static void Parse(RecordTable table, StoredRecord record)
    {
        switch (table)
        {
            case RecordTable.Lookup:
                LookupRecord.Read(record);
                break;
            case RecordTable.WriteCheckpoint:
                WriteCheckpointRecord.Read(record);
                break;
            case RecordTable.Bucket:
                BucketDirectory.ReadRecord(record);
                break;
        }
    }

    private static async ValueTask<StoreTotals> CheckBucketAsync(
        IColdStorage storage, StoredRecord record, LogPosition? position, StoreTotals totals, List<StoreProblem> problems,
        CancellationToken cancellationToken)
    {
        var (name, summary, _) = BucketDirectory.ReadRecord(record);
        var (sum, count, last) = (0u, 0L, OpId.None);
        try
        {
            await foreach (var op in storage.ReadAsync(name, OpId.None, new OpId(long.MaxValue), cancellationToken))
            {
                if (op.OpId <= last)
                    problems.Add(new StoreProblem($"bucket {name}", Text($"Operation {op.OpId} comes after {last}.")));
                sum = op.Kind == OpKind.Clear ? op.Checksum : unchecked(sum + op.Checksum);
                (count, last) = (count + 1, op.OpId);
                totals = totals with { Ops = totals.Ops + 1, Bytes = totals.Bytes + op.Fragment.Length };
            }
        }
        catch (BucketsException failure)
        {
            problems.Add(new StoreProblem($"bucket {name}", failure.Message));
            return totals;
        }
        if (count > 0)
            totals = totals with { Buckets = totals.Buckets + 1 };
        if (sum != summary.Checksum || count != summary.Count || last != summary.LastOpId)
        {
            problems.Add(new StoreProblem($"bucket {name}", Text(
                $"Its {count} operations up to {last} have checksum {sum}, but it should have {summary.Count} up to {summary.LastOpId} with {summary.Checksum}.")));
        }
        if (position is not null && last > position.LastOpId)
            problems.Add(new StoreProblem($"bucket {name}", Text($"It has operation {last}, but the log ends with {position.LastOpId}.")));
        return totals;
    }

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
