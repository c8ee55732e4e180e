using System.Buffers;
using System.Globalization;
using System.Text;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog.Evaluation;

/// <summary>Turns the new state of one row into operations: the difference between what the rules make of it now and what is remembered.</summary>
/// <param name="batch">Where the operations go.</param>
/// <param name="directory">The buckets.</param>
/// <param name="working">The rows that are being changed.</param>
/// <param name="skipped">Told of rows that the rules fail for.</param>
/// <param name="rowLimitBytes">Longest encoded row.</param>
internal sealed class RowWriter(BatchBuilder batch, BucketDirectory directory, WorkingSet working, SkippedRows skipped, int rowLimitBytes)
{
    private readonly RowOutputs _outputs = new(directory, rowLimitBytes);
    private readonly RowOutputs _outputsBefore = new(directory, rowLimitBytes);
    private readonly SourceRow _rowBefore = new();
    private readonly ArrayBufferWriter<byte> _subkey = new(64);
    private readonly ArrayBufferWriter<byte> _image = new(4096);
    private readonly ArrayBufferWriter<byte> _state = new(4096);
    private readonly ArrayBufferWriter<byte> _lookups = new(256);

    /// <summary>Changed records of the rows that were left out, or are no longer.</summary>
    public required RecordChanges Records { get; init; }

    /// <summary>The row is now this. A row with unknown values yields nothing until they arrive.</summary>
    /// <param name="binding">Its table.</param>
    /// <param name="slot">The row in the working set.</param>
    /// <param name="row">Its values.</param>
    /// <param name="before">
    /// Knows the definitions of stored rows, when it is worth to look whether clients see any difference; null sends the row without looking.
    /// </param>
    public void Put(TableBinding binding, int slot, SourceRow row, TableCatalog? before = null)
    {
        _image.ResetWrittenCount();
        RowImage.Write(_image, row);
        var stored = RowState.Read(working.Value(slot));
        if (stored.Layout == binding.Layout && stored.Image.SequenceEqual(_image.WrittenSpan) && !skipped.IsOpen(working.Key(slot)))
            return; // the same row gives the same outputs, so nothing changed for anybody

        Evaluate(binding.Evaluator, row, _image.WrittenCount);
        if (_outputs.Failure is { } failure)
            skipped.Note(binding.Table, binding.KeyColumns, working.Key(slot), failure, Records);
        else
            skipped.Mend(working.Key(slot), Records);
        WriteSubkey(binding.KeyColumns.Length, working.Key(slot));
        if (before is null || !SendsTheSame(before, stored, working.ValueMemory(slot)))
            WritePuts();
        WriteRemoves(stored);
        WriteLookups(stored);

        _state.ResetWrittenCount();
        RowState.Write(_state, binding.Layout, _outputs, _image.WrittenSpan);
        working.Set(slot, _state.WrittenSpan);
    }

    /// <summary>The row is gone; one that is not known is no error.</summary>
    public void Remove(int keyColumns, int slot)
    {
        if (!working.Exists(slot))
            return;
        skipped.Mend(working.Key(slot), Records);
        var stored = RowState.Read(working.Value(slot));
        _outputs.Clear();
        if (stored.HasResults)
        {
            WriteSubkey(keyColumns, working.Key(slot));
            WriteRemoves(stored);
            WriteLookups(stored);
        }
        working.Remove(slot);
    }

    /// <summary>Gives a stored row, which did not change, what further rules make of it beyond what is remembered.</summary>
    /// <param name="table">Its table, and the further rules.</param>
    /// <param name="row">The row; one with unknown values yields nothing until they arrive.</param>
    /// <param name="key">The row's key.</param>
    /// <param name="stored">What is remembered.</param>
    /// <returns>The new state; empty when there is nothing to add.</returns>
    public ReadOnlySpan<byte> Extend(AddedTable table, SourceRow row, ReadOnlySpan<byte> key, RowState stored)
    {
        Evaluate(table.Evaluator, row, stored.Image.Length);
        if (_outputs.Failure is { } failure)
            skipped.Note(table.Table, table.KeyColumns, key, failure, Records);
        if (_outputs.Count == 0 && _outputs.LookupCount == 0)
            return default;
        _outputs.TakeOut(stored);
        if (_outputs.Count == 0 && _outputs.LookupCount == 0)
            return default;
        WriteSubkey(table.KeyColumns.Length, key);
        WritePuts();
        WriteLookups(RowState.Read([]));
        _state.ResetWrittenCount();
        stored.WriteWith(_state, _outputs, directory);
        return _state.WrittenSpan;
    }

    /// <summary>Whether the rules fail for a row.</summary>
    public bool Fails(TableBinding binding, SourceRow row)
    {
        Evaluate(binding.Evaluator, row, rowBytes: 0);
        return _outputs.Failure is not null;
    }

    /// <summary>The row did not change, and goes to a bucket again in which it is.</summary>
    /// <remarks>
    /// Of copies of a row in several buckets a client shows the newest. So where they differ, all of them go again, in the order of the rules.
    /// </remarks>
    /// <param name="binding">Its table.</param>
    /// <param name="slot">The row in the working set.</param>
    /// <param name="row">Its values; a row with unknown ones is left alone.</param>
    /// <param name="bucket">The bucket.</param>
    public void SendAgain(TableBinding binding, int slot, SourceRow row, BucketEntry bucket)
    {
        var stored = RowState.Read(working.Value(slot));
        if (RowImage.IsIncomplete(row) || !stored.IsIn(bucket.Number))
            return;
        Evaluate(binding.Evaluator, row, stored.Image.Length);
        WriteSubkey(binding.KeyColumns.Length, working.Key(slot));
        var goesEverywhere = _outputs.Differ(bucket.Number);
        for (var output = 0; output < _outputs.Count; output++)
        {
            var (fragment, length, checksum) = (-1, 0, 0u);
            for (var index = 0; index < _outputs.BucketCount(output); index++)
            {
                var into = _outputs.Bucket(output, index);
                if ((!goesEverywhere && into != bucket) || !stored.Contains(_outputs.Table(output), _outputs.Id(output), into.Number))
                    continue;
                if (fragment < 0)
                {
                    fragment = batch.Fragments.WrittenCount;
                    checksum = OpFragment.WritePut(
                        batch.Fragments, _outputs.Table(output), _outputs.Id(output), _subkey.WrittenSpan, _outputs.Data(output));
                    length = batch.Fragments.WrittenCount - fragment;
                }
                BatchBuilder.Supersede(into);
                batch.Add(into, OpKind.Put, checksum, fragment, length);
            }
        }
    }

    private void Evaluate(TableEvaluator evaluator, SourceRow row, int rowBytes)
    {
        _outputs.Clear();
        _outputs.RowBytes = rowBytes;
        if (!RowImage.IsIncomplete(row))
            evaluator.Evaluate(row, _outputs);
    }

    private bool SendsTheSame(TableCatalog catalog, RowState stored, ReadOnlyMemory<byte> state)
    {
        // A row that rules in building have not been given yet is sent to their buckets, whatever the others have.
        if (!stored.HasResults || !_outputs.AreRemembered(stored))
            return false;
        var binding = catalog.BindingOf(stored.Layout);
        RowImage.Read(state[^stored.Image.Length..], binding.Table, _rowBefore);
        _outputsBefore.Clear();
        if (!RowImage.IsIncomplete(_rowBefore))
            binding.Evaluator.Evaluate(_rowBefore, _outputsBefore);
        return _outputs.SendsTheSameAs(_outputsBefore);
    }

    private void WriteSubkey(int keyColumns, ReadOnlySpan<byte> key)
    {
        _subkey.ResetWrittenCount();
        RowKey.WriteSubkey(_subkey, keyColumns, key);
    }

    private void WritePuts()
    {
        for (var output = 0; output < _outputs.Count; output++)
        {
            var buckets = _outputs.BucketCount(output);
            if (buckets == 0)
                continue;
            var fragment = batch.Fragments.WrittenCount;
            var checksum = OpFragment.WritePut(
                batch.Fragments, _outputs.Table(output), _outputs.Id(output), _subkey.WrittenSpan, _outputs.Data(output));
            var length = batch.Fragments.WrittenCount - fragment;
            for (var index = 0; index < buckets; index++)
                batch.Add(_outputs.Bucket(output, index), OpKind.Put, checksum, fragment, length);
        }
    }

    private void WriteRemoves(RowState stored)
    {
        var reader = stored.Outputs;
        for (var left = reader.ReadCount(); left > 0; left--)
        {
            var table = reader.ReadBlob();
            var id = reader.ReadBlob();
            var (fragment, length, checksum) = (-1, 0, 0u);
            for (var buckets = reader.ReadCount(); buckets > 0; buckets--)
            {
                var bucket = reader.ReadCount();
                if (directory.ByNumber(bucket) is not { } entry)
                    continue;
                BatchBuilder.Supersede(entry);
                if (_outputs.Contains(table, id, bucket))
                    continue;
                if (fragment < 0)
                {
                    fragment = batch.Fragments.WrittenCount;
                    checksum = OpFragment.WriteRemove(batch.Fragments, table, id, _subkey.WrittenSpan);
                    length = batch.Fragments.WrittenCount - fragment;
                }
                batch.Add(entry, OpKind.Remove, checksum, fragment, length);
            }
        }
    }

    /// <summary>An entry is named by its row and its place among the row's entries of the same key, so one index does not move those of another.</summary>
    private void WriteLookups(RowState stored)
    {
        _lookups.ResetWrittenCount();
        _outputs.WriteLookups(_lookups);
        if (stored.LookupBytes.SequenceEqual(_lookups.WrittenSpan))
            return;

        var before = Entries(stored.Lookups);
        var after = Entries(new RecordReader(_lookups.WrittenSpan));
        foreach (var name in before.Keys)
        {
            if (!after.ContainsKey(name))
                batch.AddLookup(name.Key, EntryName(name.Place), record: null);
        }
        foreach (var (name, record) in after)
        {
            if (!before.TryGetValue(name, out var known) || !known.AsSpan().SequenceEqual(record))
                batch.AddLookup(name.Key, EntryName(name.Place), record);
        }
    }

    // In the order in which they were written, so that the same row gives the same operations.
    private static OrderedDictionary<(string Key, int Place), byte[]> Entries(RecordReader reader)
    {
        var count = reader.ReadCount();
        var entries = new OrderedDictionary<(string Key, int Place), byte[]>(count);
        var places = new Dictionary<string, int>(count, StringComparer.Ordinal);
        for (; count > 0; count--)
        {
            var key = Encoding.UTF8.GetString(reader.ReadBlob());
            var place = places.GetValueOrDefault(key);
            places[key] = place + 1;
            entries.Add((key, place), reader.ReadBlob().ToArray());
        }
        return entries;
    }

    private string EntryName(int place) =>
        string.Create(CultureInfo.InvariantCulture, $"{Encoding.UTF8.GetString(_subkey.WrittenSpan)}/{place}");
}
