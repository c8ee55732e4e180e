using System.Security.Cryptography;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>The rows that clients get nothing of, or not all: which they are, and why. Part of the stored state, like the rows themselves.</summary>
/// <remarks>One thread writes, and may look without the lock; anybody else reads under it.</remarks>
internal sealed class SkippedRows
{
    public const int MostRows = 10_000; // a few megabytes; rules that fail for more rows than that are one mistake, not ten thousand

    private const int LongestRowKey = 1024; // of longer ones only the hash is kept
    private const int LongestText = 256;

    private readonly Lock _gate = new();
    private readonly Dictionary<byte[], Entry> _all = new(KeyComparer.Instance); // by the record's key
    private readonly Dictionary<byte[], Entry> _open = new(KeyComparer.Instance); // by the row's key
    private readonly Dictionary<byte[], Entry>.AlternateLookup<ReadOnlySpan<byte>> _openByKey;
    private long _unlisted;
    private Lsn _position;
    private DateTimeOffset? _committedAt;

    public SkippedRows() => _openByKey = _open.GetAlternateLookup<ReadOnlySpan<byte>>();

    /// <summary>Rows left out since <see cref="Begin"/>, and the first of them.</summary>
    public int NotedCount { get; private set; }

    public SkippedRow? FirstNoted { get; private set; }

    /// <summary>Rows that are left out now.</summary>
    public int OpenCount
    {
        get
        {
            lock (_gate)
                return _open.Count;
        }
    }

    /// <summary>Keys of the rows that are left out now, as far as they are known in full.</summary>
    public IReadOnlyList<byte[]> OpenKeys
    {
        get
        {
            lock (_gate)
                return [.. _open.Values.Where(entry => entry.IsWhole).Select(entry => entry.RowKey)];
        }
    }

    /// <summary>From now on rows are left out, or well again, by this.</summary>
    /// <param name="position">Commit position of a transaction, or where the log stands.</param>
    /// <param name="committedAt">When it committed; null when there is no transaction.</param>
    public void Begin(Lsn position, DateTimeOffset? committedAt)
    {
        (_position, _committedAt) = (position, committedAt);
        (NotedCount, FirstNoted) = (0, null);
    }

    /// <summary>Whether a row is left out now.</summary>
    public bool IsOpen(ReadOnlySpan<byte> rowKey) => _open.Count > 0 && _openByKey.ContainsKey(Known(rowKey));

    /// <summary>A row is left out.</summary>
    public void Note(SourceTable table, int[] keyColumns, ReadOnlySpan<byte> rowKey, RowFailure failure, RecordChanges records)
    {
        var name = $"{table.Schema}.{table.Name}";
        var recordKey = SkippedRowRecord.KeyOf(name, rowKey);
        lock (_gate)
        {
            var known = _all.GetValueOrDefault(recordKey);
            var row = new SkippedRow
            {
                Table = name,
                Key = TextOf(table, keyColumns, rowKey),
                Bytes = failure.Bytes,
                Position = _position,
                CommittedAt = _committedAt,
                Definition = failure.Error.Definition,
                Reason = Short(failure.Error.Message),
                Count = (known?.Row.Count ?? 0) + 1,
            };
            NotedCount++;
            FirstNoted ??= row;
            if (known is null && _all.Count >= MostRows)
            {
                SkippedRowRecord.PutTotal(records, ++_unlisted);
                return;
            }
            Keep(new Entry(recordKey, Known(rowKey).ToArray(), IsWhole(rowKey), row), records);
        }
    }

    /// <summary>A row is well, or gone: if it was left out, it is no longer.</summary>
    public void Mend(ReadOnlySpan<byte> rowKey, RecordChanges records)
    {
        if (_open.Count == 0)
            return;
        lock (_gate)
        {
            if (_openByKey.Remove(Known(rowKey), out _, out var entry))
                Keep(entry with { Row = entry.Row with { Mended = _position } }, records);
        }
    }

    /// <summary>Every row is read again: those that are still to be left out will be noted again.</summary>
    public void MendAll(RecordChanges records)
    {
        lock (_gate)
        {
            foreach (var entry in _open.Values.ToList())
                Keep(entry with { Row = entry.Row with { Mended = _position } }, records);
            _open.Clear();
        }
    }

    public void Load(StoredRecord record)
    {
        var (row, rowKey, isWhole) = SkippedRowRecord.Read(record.Value.Span);
        var entry = new Entry(record.Key.ToArray(), rowKey, isWhole, row);
        lock (_gate)
            Keep(entry, records: null);
    }

    public void LoadTotal(ReadOnlySpan<byte> value) => _unlisted = SkippedRowRecord.ReadTotal(value);

    public SkippedRowList List(int limit)
    {
        lock (_gate)
        {
            return new SkippedRowList(
                _open.Count,
                _unlisted,
                [.. _all.Values.Select(entry => entry.Row).OrderBy(row => row.Mended is not null).ThenByDescending(row => row.Position).Take(limit)]);
        }
    }

    private static ReadOnlySpan<byte> Known(ReadOnlySpan<byte> rowKey) => IsWhole(rowKey) ? rowKey : SHA256.HashData(rowKey);

    private static bool IsWhole(ReadOnlySpan<byte> rowKey) => rowKey.Length <= LongestRowKey;

    private void Keep(Entry entry, RecordChanges? records)
    {
        _all[entry.RecordKey] = entry;
        if (entry.Row.Mended is null)
            _open[entry.RowKey] = entry;
        if (records is not null)
            SkippedRowRecord.Put(records, entry.RecordKey, entry.Row, entry.RowKey, entry.IsWhole);
    }

    private static string TextOf(SourceTable table, int[] keyColumns, ReadOnlySpan<byte> rowKey) => Short(string.Join(
        ", ", RowKey.Texts(keyColumns.Length, rowKey).Select((text, index) => $"{table.Columns[keyColumns[index]].Name}={Short(text)}")));

    private static string Short(string text) => text.Length <= LongestText ? text : $"{text[..LongestText]}…";

    private sealed record Entry(byte[] RecordKey, byte[] RowKey, bool IsWhole, SkippedRow Row);

    /// <summary>Compares keys by their bytes.</summary>
    private sealed class KeyComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public static readonly KeyComparer Instance = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] obj) => GetHashCode(obj.AsSpan());

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<byte> alternate) => (int)Crc32C.Compute(alternate);
    }
}

/// <summary>Why a row is left out.</summary>
/// <param name="Error">The first query that failed.</param>
/// <param name="Bytes">Size, as in <see cref="SkippedRow.Bytes"/>.</param>
internal readonly record struct RowFailure(RowError Error, long Bytes);
