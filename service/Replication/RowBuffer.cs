using System.Buffers;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <summary>Rows of one table in one piece of memory; reused from chunk to chunk.</summary>
/// <remarks>One owner at a time. Rows read from it are valid until the next <see cref="Clear"/>.</remarks>
public sealed class RowBuffer
{
    private readonly ArrayBufferWriter<byte> _text = new(1 << 16);
    private readonly List<(int Offset, int Length)> _values = []; // length −1: null; −2: unchanged; −3: absent
    private int _columns;

    /// <summary>Number of complete rows.</summary>
    public int RowCount => _columns == 0 ? 0 : _values.Count / _columns;

    /// <summary>Bytes of text held.</summary>
    public int ByteCount => _text.WrittenCount;

    /// <summary>Forgets all rows; those that follow have <paramref name="columns"/> values each.</summary>
    public void Clear(int columns)
    {
        _text.ResetWrittenCount();
        _values.Clear();
        _columns = columns;
    }

    /// <summary>Adds the next value of the row being written.</summary>
    public void Add(SourceValueKind kind, ReadOnlySpan<byte> text)
    {
        if (kind != SourceValueKind.Text)
        {
            _values.Add((0, kind switch { SourceValueKind.Null => -1, SourceValueKind.Unchanged => -2, _ => -3 }));
            return;
        }
        _values.Add((_text.WrittenCount, text.Length));
        _text.Write(text);
    }

    /// <summary>Copies the references of one row into <paramref name="row"/>; the texts stay here.</summary>
    public void Read(int index, SourceRow row)
    {
        row.Reset(_columns);
        for (var column = 0; column < _columns; column++)
        {
            var (offset, length) = _values[(index * _columns) + column];
            row[column] = length switch
            {
                -1 => SourceValue.Null,
                -2 => new SourceValue(SourceValueKind.Unchanged, default),
                -3 => default,
                _ => new SourceValue(SourceValueKind.Text, _text.WrittenMemory.Slice(offset, length)),
            };
        }
    }
}
