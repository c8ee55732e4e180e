namespace TopGun.Buckets.SyncRules;

/// <summary>How a value of a row arrived.</summary>
public enum SourceValueKind : byte
{
    /// <summary>Not sent: the column is not part of what arrived, for example a non-key column of an old key.</summary>
    Absent,

    /// <summary>SQL null.</summary>
    Null,

    /// <summary>An out-of-line value that the change did not touch, so it was not sent again.</summary>
    Unchanged,

    /// <summary>Postgres' text form under the pinned session settings, UTF-8.</summary>
    Text,
}

/// <summary>One value of a row as the source sent it.</summary>
/// <param name="Kind">How it arrived.</param>
/// <param name="Text">UTF-8 text for <see cref="SourceValueKind.Text"/>; points into the transaction's buffer.</param>
public readonly record struct SourceValue(SourceValueKind Kind, ReadOnlyMemory<byte> Text)
{
    /// <summary>SQL null.</summary>
    public static readonly SourceValue Null = new(SourceValueKind.Null, default);
}

/// <summary>The values of one row, in the order of <see cref="SourceTable.Columns"/>. Reused from row to row: valid until the next is read.</summary>
public sealed class SourceRow
{
    private SourceValue[] _values = [];

    /// <summary>Number of columns.</summary>
    public int Count { get; private set; }

    /// <summary>Value of a column by position.</summary>
    public ref SourceValue this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count);
            return ref _values[index];
        }
    }

    /// <summary>The values, by position.</summary>
    public Span<SourceValue> Values => _values.AsSpan(0, Count);

    /// <summary>Makes room for <paramref name="count"/> values, all <see cref="SourceValueKind.Absent"/>.</summary>
    public void Reset(int count)
    {
        if (_values.Length < count)
            _values = new SourceValue[count];
        Count = count;
        Values.Clear();
    }
}
