using TopGun.Buckets.BucketLog.Evaluation;

namespace TopGun.Buckets.BucketLog.Deploying;

/// <summary>Reads the stored rows of some tables in the order of their keys, beside a log that goes on.</summary>
/// <remarks>
/// The store is scanned as it was when the scan began, which was when everything was durable. A row that changed since has been evaluated by the new
/// rules as well, or is gone, so it is left out. Those rows are remembered until the scan starts again at its place.
/// </remarks>
internal sealed class StoredRowScan(IColdStorage storage, IReadOnlyList<int> tables, byte[] after) : IAsyncDisposable
{
    private const int ChangedLimit = 1 << 16;

    private IAsyncEnumerator<StoredRecord>? _records;
    private int _table = tables.Count(number => after.Length > 0 && number < RowKey.TableNumber(after));
    private ReadOnlyMemory<byte> _after = after;

    /// <summary>Keys of the rows that changed since the scan began.</summary>
    public WorkingSet Changed { get; } = new();

    public bool IsComplete => _table == tables.Count;

    /// <summary>Key of the last row read.</summary>
    public ReadOnlyMemory<byte> After => _after;

    public long RowsDone { get; private set; }

    public long RowsTotal { get; init; }

    /// <summary>Rows read since <see cref="After"/> was stored.</summary>
    public int RowsSinceStored { get; set; }

    /// <summary>Whether so many rows changed that it is better to look at the store anew, once everything is durable.</summary>
    public bool HasToStartAgain => Changed.Count > ChangedLimit;

    public async ValueTask StartAgainAsync()
    {
        Changed.Clear();
        await DisposeAsync();
    }

    /// <summary>Reads the next rows, all of one table.</summary>
    /// <returns>The number of the table.</returns>
    public async ValueTask<int> ReadAsync(List<StoredRecord> rows, int limit, int limitBytes, CancellationToken cancellationToken)
    {
        rows.Clear();
        if (IsComplete)
            return 0;
        var number = tables[_table];
        _records ??= storage.ScanAsync(RecordTable.RowState, Prefix(number), _after, cancellationToken).GetAsyncEnumerator(cancellationToken);
        for (var bytes = 0; limit > 0 && bytes < limitBytes; limit--)
        {
            if (!await _records.MoveNextAsync())
            {
                await DisposeAsync();
                _table++;
                break;
            }
            var record = _records.Current;
            _after = record.Key;
            RowsDone++;
            RowsSinceStored++;
            bytes += record.Value.Length;
            if (!Changed.Contains(record.Key.Span))
                rows.Add(record);
        }
        return number;
    }

    public async ValueTask DisposeAsync()
    {
        if (_records is { } records)
            await records.DisposeAsync();
        _records = null;
    }

    public static ReadOnlyMemory<byte> Prefix(int table)
    {
        var prefix = new System.Buffers.ArrayBufferWriter<byte>(sizeof(uint));
        RowKey.WritePrefix(prefix, table);
        return prefix.WrittenMemory;
    }
}
