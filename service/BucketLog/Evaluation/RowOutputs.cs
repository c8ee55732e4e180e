using System.Buffers;
using System.Text;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>Collects what the rules make of one row. Reused from row to row.</summary>
internal sealed class RowOutputs(BucketDirectory directory, int rowLimitBytes) : IRowSink
{
    private readonly ArrayBufferWriter<byte> _bytes = new(4096);
    private readonly List<Output> _outputs = [];
    private readonly List<BucketEntry> _buckets = [];
    private readonly List<LookupSpan> _lookups = [];
    private int _tooLong; // bytes of the last output, when they are too many

    /// <summary>Outputs, in the order of the rules.</summary>
    public int Count => _outputs.Count;

    public int LookupCount => _lookups.Count;

    /// <summary>Why the row yields less than the rules say; null when it does not. Of several reasons the first.</summary>
    public RowFailure? Failure { get; private set; }

    /// <summary>Bytes of the row's values, for a failure.</summary>
    public int RowBytes { get; set; }

    public ReadOnlySpan<byte> Table(int output) => Bytes(_outputs[output].TableOffset, _outputs[output].TableLength);

    public ReadOnlySpan<byte> Id(int output) => Bytes(_outputs[output].IdOffset, _outputs[output].IdLength);

    public ReadOnlySpan<byte> Data(int output) => Bytes(_outputs[output].DataOffset, _outputs[output].DataLength);

    public int BucketCount(int output) => _outputs[output].BucketCount;

    public BucketEntry Bucket(int output, int index) => _buckets[_outputs[output].FirstBucket + index];

    public ReadOnlySpan<byte> LookupKey(int lookup) => Bytes(_lookups[lookup].KeyOffset, _lookups[lookup].KeyLength);

    public ReadOnlySpan<byte> LookupRecord(int lookup) => Bytes(_lookups[lookup].RecordOffset, _lookups[lookup].RecordLength);

    public void Clear()
    {
        Failure = null;
        _bytes.ResetWrittenCount();
        _outputs.Clear();
        _buckets.Clear();
        _lookups.Clear();
    }

    public void Row(ReadOnlySpan<byte> table, ReadOnlySpan<byte> id, ReadOnlySpan<byte> data)
    {
        var isTooLong = data.Length > rowLimitBytes;
        if (isTooLong)
        {
            _tooLong = data.Length;
            data = default;
        }
        var output = new Output
        {
            TableOffset = Write(table),
            TableLength = table.Length,
            IdOffset = Write(id),
            IdLength = id.Length,
            DataOffset = Write(data),
            DataLength = data.Length,
            FirstBucket = _buckets.Count,
            IsDropped = isTooLong,
        };
        _outputs.Add(output);
    }

    public void Bucket(ReadOnlySpan<byte> name)
    {
        var output = _outputs[^1];
        if (output.IsDropped)
        {
            Failure ??= new RowFailure(
                new RowError(RowErrorKind.Data, DefinitionOf(name), $"The row is {_tooLong} bytes long, more than the limit of {rowLimitBytes}."), _tooLong);
            return;
        }
        _buckets.Add(directory.GetOrAdd(name));
        _outputs[^1] = output with { BucketCount = output.BucketCount + 1 };
    }

    public void Lookup(ReadOnlySpan<byte> key, ReadOnlySpan<byte> record) => _lookups.Add(new LookupSpan(
        Write(key), key.Length, Write(record), record.Length));

    public void Error(RowError error) => Failure ??= new RowFailure(error, RowBytes);

    /// <summary>Whether an output of that table and id is in the bucket.</summary>
    public bool Contains(ReadOnlySpan<byte> table, ReadOnlySpan<byte> id, int bucket)
    {
        for (var output = 0; output < _outputs.Count; output++)
        {
            if (Holds(output, bucket) && Id(output).SequenceEqual(id) && Table(output).SequenceEqual(table))
                return true;
        }
        return false;
    }

    /// <summary>Whether every output is remembered in each of its buckets.</summary>
    public bool AreRemembered(RowState stored)
    {
        for (var output = 0; output < Count; output++)
        {
            for (var index = 0; index < BucketCount(output); index++)
            {
                if (!stored.Contains(Table(output), Id(output), Bucket(output, index).Number))
                    return false;
            }
        }
        return true;
    }

    /// <summary>Takes out what is remembered already.</summary>
    public void TakeOut(RowState stored)
    {
        if (!stored.HasResults)
            return;
        for (var output = 0; output < _outputs.Count; output++)
        {
            var kept = 0;
            for (var index = 0; index < _outputs[output].BucketCount; index++)
            {
                var bucket = Bucket(output, index);
                if (!stored.Contains(Table(output), Id(output), bucket.Number))
                    _buckets[_outputs[output].FirstBucket + kept++] = bucket;
            }
            _outputs[output] = _outputs[output] with { BucketCount = kept };
        }
        _outputs.RemoveAll(static output => output.BucketCount == 0);
        // A row's entries under one key belong to one index, so they are all there or none is.
        for (var lookup = _lookups.Count - 1; lookup >= 0; lookup--)
        {
            if (stored.ContainsLookup(LookupKey(lookup)))
                _lookups.RemoveAt(lookup);
        }
    }

    /// <summary>Whether a bucket has an output of which there is another with the same table and id and other data.</summary>
    public bool Differ(int bucket)
    {
        for (var output = 0; output < Count; output++)
        {
            for (var other = 0; other < Count && Holds(output, bucket); other++)
            {
                if (other != output && Id(other).SequenceEqual(Id(output)) && Table(other).SequenceEqual(Table(output))
                    && !Data(other).SequenceEqual(Data(output)))
                    return true;
            }
        }
        return false;
    }

    /// <summary>Whether what is sent to clients is the same, in the same order and to the same buckets.</summary>
    public bool SendsTheSameAs(RowOutputs other)
    {
        if (Count != other.Count)
            return false;
        for (var output = 0; output < Count; output++)
        {
            if (BucketCount(output) != other.BucketCount(output)
                || !Table(output).SequenceEqual(other.Table(output))
                || !Id(output).SequenceEqual(other.Id(output))
                || !Data(output).SequenceEqual(other.Data(output)))
                return false;
            for (var index = 0; index < BucketCount(output); index++)
            {
                if (Bucket(output, index) != other.Bucket(output, index))
                    return false;
            }
        }
        return true;
    }

    /// <summary>Writes the remembered set: each (bucket, table, id) once, as <see cref="RowState"/> draws it.</summary>
    public void WriteOutputs(ArrayBufferWriter<byte> state)
    {
        state.WriteVarint((ulong)_outputs.Count);
        WriteEachOutput(state);
    }

    public void WriteEachOutput(ArrayBufferWriter<byte> state)
    {
        for (var output = 0; output < _outputs.Count; output++)
        {
            var first = _outputs[output].FirstBucket;
            var count = 0;
            for (var index = 0; index < _outputs[output].BucketCount; index++)
            {
                if (IsFirst(output, index))
                    count++;
            }
            state.WriteBlob(Table(output));
            state.WriteBlob(Id(output));
            state.WriteVarint((ulong)count);
            for (var index = 0; index < _outputs[output].BucketCount; index++)
            {
                if (IsFirst(output, index))
                    state.WriteVarint((ulong)_buckets[first + index].Number);
            }
        }
    }

    public void WriteLookups(ArrayBufferWriter<byte> state)
    {
        state.WriteVarint((ulong)_lookups.Count);
        WriteEachLookup(state);
    }

    public void WriteEachLookup(ArrayBufferWriter<byte> state)
    {
        for (var lookup = 0; lookup < _lookups.Count; lookup++)
        {
            state.WriteBlob(LookupKey(lookup));
            state.WriteBlob(LookupRecord(lookup));
        }
    }

    // 12#by_list["7"], or 12#by_list|2["7"] where a definition has variants.
    private static string DefinitionOf(ReadOnlySpan<byte> bucket)
    {
        var name = bucket[(bucket.IndexOf((byte)'#') + 1)..];
        return Encoding.UTF8.GetString(name.IndexOfAny((byte)'[', (byte)'|') is >= 0 and var end ? name[..end] : name);
    }

    private bool Holds(int output, int bucket)
    {
        for (var index = 0; index < _outputs[output].BucketCount; index++)
        {
            if (Bucket(output, index).Number == bucket)
                return true;
        }
        return false;
    }

    // Two queries may give the same id, or one query the same bucket twice; remembered is each place once.
    private bool IsFirst(int output, int index)
    {
        var bucket = Bucket(output, index);
        for (var earlier = 0; earlier < index; earlier++)
        {
            if (Bucket(output, earlier) == bucket)
                return false;
        }
        for (var earlier = 0; earlier < output; earlier++)
        {
            if (Holds(earlier, bucket.Number) && Id(earlier).SequenceEqual(Id(output)) && Table(earlier).SequenceEqual(Table(output)))
                return false;
        }
        return true;
    }

    private int Write(ReadOnlySpan<byte> bytes)
    {
        var offset = _bytes.WrittenCount;
        _bytes.Write(bytes);
        return offset;
    }

    private ReadOnlySpan<byte> Bytes(int offset, int length) => _bytes.WrittenSpan.Slice(offset, length);

    private record struct Output
    {
        public int TableOffset;
        public int TableLength;
        public int IdOffset;
        public int IdLength;
        public int DataOffset;
        public int DataLength;
        public int FirstBucket;
        public int BucketCount;
        public bool IsDropped;
    }

    private readonly record struct LookupSpan(int KeyOffset, int KeyLength, int RecordOffset, int RecordLength);
}
