using System.Buffers;
using TopGun.Buckets.BucketLog.Records;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>What is remembered of a source row: where it is, which lookups it produces, and the row itself.</summary>
/// <remarks>
/// <code>
/// state  := │ layout (varint) │ n │ output* │ n │ lookup* │ image │          all counts and lengths are varints
/// output := │ length │ client table │ length │ id │ n │ bucket number* │
/// lookup := │ length │ lookup key │ length │ record │
/// image  := see RowImage
/// </code>
/// </remarks>
internal readonly ref struct RowState
{
    private readonly ReadOnlySpan<byte> _outputs;
    private readonly ReadOnlySpan<byte> _lookups;

    private RowState(int layout, ReadOnlySpan<byte> outputs, ReadOnlySpan<byte> lookups, ReadOnlySpan<byte> image)
    {
        Layout = layout;
        _outputs = outputs;
        _lookups = lookups;
        Image = image;
    }

    public int Layout { get; }

    public ReadOnlySpan<byte> Image { get; }

    /// <summary>Whether there is anything to take back.</summary>
    public bool HasResults => _outputs.Length > 1 || _lookups.Length > 1;

    public RecordReader Outputs => new(_outputs);

    public RecordReader Lookups => new(_lookups);

    /// <summary>The lookups as stored.</summary>
    public ReadOnlySpan<byte> LookupBytes => _lookups;

    /// <summary>Whether the row is in a bucket.</summary>
    public bool IsIn(int bucket)
    {
        var reader = Outputs;
        for (var left = reader.ReadCount(); left > 0; left--)
        {
            reader.ReadBlob();
            reader.ReadBlob();
            if (ReadsBucket(ref reader, bucket))
                return true;
        }
        return false;
    }

    /// <summary>Whether the row is in a bucket under that client table and id.</summary>
    public bool Contains(ReadOnlySpan<byte> table, ReadOnlySpan<byte> id, int bucket)
    {
        var reader = Outputs;
        for (var left = reader.ReadCount(); left > 0; left--)
        {
            var isSame = reader.ReadBlob().SequenceEqual(table) & reader.ReadBlob().SequenceEqual(id);
            if (ReadsBucket(ref reader, bucket) && isSame)
                return true;
        }
        return false;
    }

    /// <summary>In how many outputs a client table and id are: each may have other data.</summary>
    public int CountOf(ReadOnlySpan<byte> table, ReadOnlySpan<byte> id)
    {
        var reader = Outputs;
        var count = 0;
        for (var left = reader.ReadCount(); left > 0; left--)
        {
            if (reader.ReadBlob().SequenceEqual(table) & reader.ReadBlob().SequenceEqual(id))
                count++;
            ReadsBucket(ref reader, bucket: 0);
        }
        return count;
    }

    public bool ContainsLookup(ReadOnlySpan<byte> key)
    {
        var reader = Lookups;
        for (var left = reader.ReadCount(); left > 0; left--)
        {
            var isSame = reader.ReadBlob().SequenceEqual(key);
            reader.ReadBlob();
            if (isSame)
                return true;
        }
        return false;
    }

    /// <summary>Reads a stored state; none is a state with nothing in it.</summary>
    public static RowState Read(ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty)
            return new RowState(0, Nothing, Nothing, default);

        var reader = new RecordReader(value);
        var layout = reader.ReadCount();
        var outputs = reader.Rest;
        for (var left = reader.ReadCount(); left > 0; left--)
        {
            reader.ReadBlob();
            reader.ReadBlob();
            for (var buckets = reader.ReadCount(); buckets > 0; buckets--)
                reader.ReadVarint();
        }
        outputs = outputs[..(outputs.Length - reader.Rest.Length)];
        var lookups = reader.Rest;
        for (var left = reader.ReadCount(); left > 0; left--)
        {
            reader.ReadBlob();
            reader.ReadBlob();
        }
        lookups = lookups[..(lookups.Length - reader.Rest.Length)];
        return new RowState(layout, outputs, lookups, reader.Rest);
    }

    public static void Write(ArrayBufferWriter<byte> output, int layout, RowOutputs results, ReadOnlySpan<byte> image)
    {
        output.WriteVarint((ulong)layout);
        results.WriteOutputs(output);
        results.WriteLookups(output);
        output.Write(image);
    }

    /// <summary>Writes the state again, with further outputs and lookups. Outputs in buckets that were dropped are left out.</summary>
    public void WriteWith(ArrayBufferWriter<byte> output, RowOutputs added, BucketDirectory directory)
    {
        output.WriteVarint((ulong)Layout);
        var reader = Outputs;
        var count = reader.ReadCount();
        output.WriteVarint((ulong)(count + added.Count));
        for (; count > 0; count--)
        {
            output.WriteBlob(reader.ReadBlob());
            output.WriteBlob(reader.ReadBlob());
            var buckets = reader;
            var live = 0;
            for (var left = reader.ReadCount(); left > 0; left--)
            {
                if (directory.ByNumber(reader.ReadCount()) is not null)
                    live++;
            }
            output.WriteVarint((ulong)live);
            for (var left = buckets.ReadCount(); left > 0; left--)
            {
                var number = buckets.ReadCount();
                if (directory.ByNumber(number) is not null)
                    output.WriteVarint((ulong)number);
            }
        }
        added.WriteEachOutput(output);
        reader = Lookups;
        output.WriteVarint((ulong)(reader.ReadCount() + added.LookupCount));
        output.Write(reader.Rest);
        added.WriteEachLookup(output);
        output.Write(Image);
    }

    private static ReadOnlySpan<byte> Nothing => [0];

    private static bool ReadsBucket(ref RecordReader reader, int bucket)
    {
        var isThere = false;
        for (var buckets = reader.ReadCount(); buckets > 0; buckets--)
            isThere |= reader.ReadCount() == bucket;
        return isThere;
    }
}
