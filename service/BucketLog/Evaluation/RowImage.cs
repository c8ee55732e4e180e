using System.Buffers;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>A source row as stored: fills in values that a change left out, and tells whether a change changed anything.</summary>
/// <remarks>
/// One entry per column, in the order of the layout: 0 unknown, 1 null, or length + 2 (varint) and the text.
/// </remarks>
internal static class RowImage
{
    private const ulong Unknown = 0;
    private const ulong Null = 1;
    private const ulong Text = 2;

    public static void Write(ArrayBufferWriter<byte> output, SourceRow row)
    {
        foreach (ref readonly var value in row.Values)
        {
            switch (value.Kind)
            {
                case SourceValueKind.Text:
                    output.WriteVarint((ulong)value.Text.Length + Text);
                    output.Write(value.Text.Span);
                    break;
                case SourceValueKind.Null:
                    output.WriteVarint(Null);
                    break;
                default:
                    output.WriteVarint(Unknown);
                    break;
            }
        }
    }

    /// <summary>Whether the row leaves values out, so that an image is needed to complete it.</summary>
    public static bool IsIncomplete(SourceRow row)
    {
        foreach (ref readonly var value in row.Values)
        {
            if (value.Kind is SourceValueKind.Unchanged or SourceValueKind.Absent)
                return true;
        }
        return false;
    }

    public static int[] MissingColumns(SourceRow row)
    {
        List<int> missing = [];
        for (var column = 0; column < row.Count; column++)
        {
            if (row[column].Kind is SourceValueKind.Unchanged or SourceValueKind.Absent)
                missing.Add(column);
        }
        return [.. missing];
    }

    /// <summary>Fills in what <paramref name="row"/> leaves out and the image knows.</summary>
    /// <param name="row">Row to complete.</param>
    /// <param name="table">Its definition.</param>
    /// <param name="image">Image in the layout of <paramref name="imageTable"/>; must outlive the row's use.</param>
    /// <param name="imageTable">Definition under which the image was stored.</param>
    /// <returns>Whether the row is complete now.</returns>
    public static bool TryComplete(SourceRow row, SourceTable table, ReadOnlyMemory<byte> image, SourceTable imageTable)
    {
        var reader = new RecordReader(image.Span);
        for (var column = 0; column < imageTable.Columns.Count; column++)
        {
            var tag = reader.ReadVarint();
            var offset = image.Length - reader.Rest.Length;
            var length = tag >= Text ? (int)(tag - Text) : 0;
            reader.ReadBytes(length);

            var target = ReferenceEquals(table, imageTable) ? column : table.IndexOf(imageTable.Columns[column].Name);
            if (tag == Unknown || target < 0 || target >= row.Count || row[target].Kind is not (SourceValueKind.Unchanged or SourceValueKind.Absent))
                continue;
            row[target] = tag == Null
                ? SourceValue.Null
                : new SourceValue(SourceValueKind.Text, image.Slice(offset, length));
        }
        return !IsIncomplete(row);
    }

    /// <summary>Reads a whole row; values that the image does not know are absent.</summary>
    /// <param name="image">Must outlive the row's use.</param>
    /// <param name="table">Definition under which the image was stored.</param>
    /// <param name="row">Receives the values.</param>
    public static void Read(ReadOnlyMemory<byte> image, SourceTable table, SourceRow row)
    {
        row.Reset(table.Columns.Count);
        var reader = new RecordReader(image.Span);
        for (var column = 0; column < row.Count; column++)
        {
            var tag = reader.ReadVarint();
            if (tag == Null)
            {
                row[column] = SourceValue.Null;
            }
            else if (tag >= Text)
            {
                var offset = image.Length - reader.Rest.Length;
                reader.ReadBytes((int)(tag - Text));
                row[column] = new SourceValue(SourceValueKind.Text, image.Slice(offset, (int)(tag - Text)));
            }
        }
    }

    /// <summary>Reads a row from an image of an earlier layout: a column that it did not have is null.</summary>
    public static void Read(ReadOnlyMemory<byte> image, SourceTable imageTable, SourceRow row, SourceTable table)
    {
        row.Reset(table.Columns.Count);
        TryComplete(row, table, image, imageTable);
        for (var column = 0; column < row.Count; column++)
        {
            if (row[column].Kind == SourceValueKind.Absent && imageTable.IndexOf(table.Columns[column].Name) < 0)
                row[column] = SourceValue.Null;
        }
    }

    /// <summary>Whether the image holds the value of a column of its layout.</summary>
    public static bool Knows(ReadOnlySpan<byte> image, int column)
    {
        var reader = new RecordReader(image);
        for (var index = 0; ; index++)
        {
            var tag = reader.ReadVarint();
            if (index == column)
                return tag != Unknown;
            if (tag >= Text)
                reader.ReadBytes((int)(tag - Text));
        }
    }
}
