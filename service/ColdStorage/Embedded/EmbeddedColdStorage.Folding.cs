using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using Microsoft.Win32.SafeHandles;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Embedded.Folding;
using TopGun.Buckets.ColdStorage.Embedded.Runs;

namespace TopGun.Buckets.ColdStorage.Embedded;

// Folding: what a sealed segment holds of each bucket is written side by side into an op file, and where that is becomes a record. Then the index in
// RAM needs nothing of the segment any more, a cold bucket is read in one go, and the segment can be deleted, with whatever was replaced meanwhile.
public sealed partial class EmbeddedColdStorage
{
    private const int BucketsPerLock = 256; // tens of microseconds
    private const int LargestAbsorbed = 4096; // a chunk of more ops is left as it is
    private const int OpsAhead = SegmentPieces.Capacity / 512; // of usual rows they fill the room
    private const int BucketsAtOnce = 1 << 17; // some twenty megabytes of records
    private const int SegmentsAtOnce = 8; // together, so that a bucket's operations of all of them are moved once

    private readonly List<StoredOp> _folding = [];
    private readonly RecordQuery _foldedQuery = new(); // of the background alone
    private readonly Dictionary<int, OpFile> _opFiles = []; // changed under _appending and _gate, read under either
    private int _nextOpFile = 1;
    private int? _writingOpFile;
    private int _foldedThrough;
    private bool _foldingStopped;
    private bool _foldingWaits; // for a calm moment
    private bool _foldingIsStuck;
    private TaskCompletionSource _folded = new(TaskCreationOptions.RunContinuationsAsynchronously); // completed whenever something was

    /// <summary>Folds the segments that wait for it, or moves what is left of a sparse op file; false when there is neither.</summary>
    /// <param name="atOnce">Whether nothing is gained by leaving some for later.</param>
    private bool Fold(bool atOnce)
    {
        _foldingWaits = false;
        if (_foldingStopped)
            return false;
        int epoch, through;
        List<SegmentIndexFile> segments = [];
        OpFile? sparse = null;
        lock (_gate)
        {
            epoch = _epoch;
            through = _foldedThrough;
            var waiting = Math.Max(_segment - _options.KeepSegments - 1 - through, 0);
            _foldingWaits = !atOnce && waiting > 0 && waiting <= Math.Min(_options.WaitingSegments, _options.UnfoldedSegments);
            if (waiting > 0 && !_foldingWaits)
                segments = [.. _unfolded.Take(Math.Min(waiting, SegmentsAtOnce)).TakeWhile(segment => segment.OnDisk is not null).Select(segment => segment.OnDisk!)];
            else if ((sparse = _opFiles.Values.FirstOrDefault(file => file.IsSparse)) is null)
                return false;
        }
        if (segments.Count > 0)
            through = segments[^1].Segment;
        else if (sparse is null)
            return WriteIndex(); // it was sealed since there was a look at it
        try
        {
            using var folding = new FoldingRun(epoch, through, segments, sparse, sparse is null ? NamesIn(segments) : sparse.ReadDirectory(_files), _files);
            while (FoldSome(folding))
            {
                // Some buckets at a time, so that neither RAM nor the longest write grow with their number.
            }
        }
        catch (DamagedStoreException failure)
        {
            // It stays where it is and is told to whoever reads it. Later segments wait behind it.
            _foldingStopped = true;
            LetWritersPass(isStuck: true);
            Log.CannotFold(_logger, failure);
        }
        return true;
    }

    private static IEnumerable<string> NamesIn(List<SegmentIndexFile> segments) => RunMerge
        .Merge([.. segments.Select(segment => segment.Buckets)])
        .Select(entry => Encoding.UTF8.GetString(FoldedKey.NameOf(entry.Record.Key.Span)));

    /// <summary>Folds the next buckets into an op file of their own; false when those were the last.</summary>
    private bool FoldSome(FoldingRun folding)
    {
        int number;
        lock (_gate)
            _writingOpFile = number = _nextOpFile++;
        var write = new StoreWrite();
        var isComplete = false;
        try
        {
            long opCount;
            using (var writer = new OpFileWriter(_files, number, _store))
            {
                folding.Dead.Clear();
                while (folding.HasNames && write.Records.Count < BucketsAtOnce && writer.Length < _options.OpFileBytes)
                    FoldNext(folding, writer, write.Records);
                writer.Complete();
                opCount = writer.OpCount;
            }
            var file = new OpFile(number, _files.Open(OpFileFormat.Name(number), FileMode.Open, FileAccess.Read), opCount, opCount);
            lock (_appending)
            {
                if (folding.Epoch != _epoch)
                    return false; // everything became void meanwhile
                var files = Remaining(folding);
                files.Add(file);
                AddFileRecords(write.Records, files);
                if (!folding.HasNames)
                    write.Records.Put(OwnTable.Folded, FoldedKey.Through.Span, BitConverter.GetBytes(folding.Through));
                AppendFolded(write, folding, files);
            }
            isComplete = true;
        }
        finally
        {
            lock (_gate)
                _writingOpFile = null;
            if (!isComplete)
                _files.Delete(OpFileFormat.Name(number));
        }
        DropFolded();
        return folding.HasNames;
    }

    /// <summary>Writes what the next few buckets have where it is left, and puts where they are afterwards into the records.</summary>
    private void FoldNext(FoldingRun folding, OpFileWriter writer, RecordChanges records)
    {
        while (Flush() || WriteIndex())
        {
            // Writers would wait for it.
        }
        var views = ViewsOf(folding);
        var (first, end) = (0, 0);
        for (; first < views.Count && writer.Length < _options.OpFileBytes; first++)
        {
            if (Volatile.Read(ref _failure) is { } failure)
                throw failure;
            if (first == end)
                end = LookAhead(views, first, folding.Pieces);
            var (name, view) = (folding.Names[first], views[first]);
            var folded = new FoldedExtents(folding.Through, Fold(name, view, writer, folding));
            if (view.StoredThrough < folding.Through || !folded.Extents.SequenceEqual(view.Stored))
                records.Put(OwnTable.Folded, FoldedKey.Bucket(name), folded.Serialize());
        }
        if (first > 0)
            folding.Advance(first);
    }

    /// <summary>Reads what the segments have of the next buckets, as many as there is room for, and tells where those end.</summary>
    private int LookAhead(List<BucketView> views, int first, SegmentPieces? pieces)
    {
        if (pieces is null)
            return views.Count;
        pieces.Clear();
        List<Extent> extents = [];
        var end = first;
        for (var ops = 0L; end < views.Count && ops < OpsAhead; end++)
        {
            foreach (var extent in views[end].Extents)
            {
                if (!pieces.IsOf(extent.Segment))
                    continue;
                extents.Add(extent);
                pieces.Want(extent.Segment, extent.Offset, extent.Count * FrameFormat.OpSize);
                ops += extent.Count;
            }
        }
        pieces.Read(views[first].Files);
        foreach (var extent in extents)
            ExtentReader.WantFragments(extent, pieces, _folding);
        pieces.Read(views[first].Files);
        return end;
    }

    /// <summary>Writes those of a bucket's extents that have to leave where they are, and their small neighbours, and returns all of them in order.</summary>
    private List<Extent> Fold(string bucket, in BucketView view, OpFileWriter writer, FoldingRun folding)
    {
        var dead = folding.Dead;
        foreach (var stored in view.Stored)
            dead[stored.Segment] = dead.GetValueOrDefault(stored.Segment) + stored.Count;
        var extents = view.Extents;
        var leaves = Leaving(extents, view.Stored, folding.Sparse);
        var result = new List<Extent>(extents.Count);
        var isBegun = false;
        for (var index = 0; index < extents.Count; index++)
        {
            if (!leaves[index])
            {
                writer.EndChunk(result);
                result.Add(extents[index]);
                dead[extents[index].Segment] -= extents[index].Count;
                continue;
            }
            if (!isBegun)
                writer.BeginBucket(bucket);
            isBegun = true;
            _extents.CopyTo(view.Files[extents[index].Segment], extents[index], folding.Pieces, _folding, writer, result);
        }
        writer.EndChunk(result);
        return result;
    }

    // What is in the log leaves it, a sparse file is left, and so is a chunk of which something was replaced. A chunk takes in the one before it while that
    // is less than twice as large, so their number grows with the logarithm of the bucket's size, and so does how often an operation is moved.
    private static bool[] Leaving(List<Extent> extents, List<Extent> stored, OpFile? sparse)
    {
        var leaves = new bool[extents.Count];
        var count = 0L;
        for (var index = extents.Count - 1; index >= 0; index--)
        {
            var extent = extents[index];
            leaves[index] = !OpFileFormat.IsOpFile(extent.Segment)
                || OpFileFormat.Number(extent.Segment) == sparse?.Number
                || !stored.Contains(extent)
                || (count > 0 && extent.Count < 2 * count && extent.Count + count <= LargestAbsorbed);
            count = leaves[index] ? count + extent.Count : 0;
        }
        return leaves;
    }

    /// <summary>Op files with what still counts in them.</summary>
    private List<OpFile> Remaining(FoldingRun folding)
    {
        List<OpFile> files = [];
        foreach (var file in _opFiles.Values.Where(file => folding.HasNames || file.Number != folding.Sparse?.Number))
            files.Add(file.Without(folding.Dead.GetValueOrDefault(OpFileFormat.Segment(file.Number))));
        return files;
    }

    private void AddFileRecords(RecordChanges records, List<OpFile> files)
    {
        foreach (var file in files.Where(file => file.LiveCount > 0))
        {
            if (!_opFiles.TryGetValue(file.Number, out var known) || known.LiveCount != file.LiveCount)
                records.Put(OwnTable.Folded, FoldedKey.File(file.Number), file.Serialize());
        }
        foreach (var gone in _opFiles.Keys.Where(number => !files.Exists(file => file.Number == number && file.LiveCount > 0)))
            records.Delete(OwnTable.Folded, FoldedKey.File(gone));
    }

    /// <summary>
    /// Makes what was folded durable, and known bucket by bucket: its record tells readers of each of them up to which segment they need not look elsewhere.
    /// </summary>
    private void AppendFolded(StoreWrite write, FoldingRun folding, List<OpFile> files)
    {
        Append(write);
        lock (_gate)
        {
            _segmentLength += _frame.Header.Length;
            _sequence++;
            _opFiles.Clear();
            foreach (var file in files.Where(file => file.LiveCount > 0))
            {
                _opFiles.Add(file.Number, file);
                _handles = _handles.SetItem(OpFileFormat.Segment(file.Number), file.Handle);
            }
        }
        for (var first = 0; first < write.Records.Count; first += BucketsPerLock)
        {
            lock (_gate)
            {
                for (var index = first; index < Math.Min(first + BucketsPerLock, write.Records.Count); index++)
                {
                    var record = write.Records[index];
                    _records.Apply(record.Table, record.Key.Span, record.Value is not null, record.Value.GetValueOrDefault().Span);
                }
            }
        }
        if (folding.HasNames)
            return;
        lock (_gate)
        {
            _unfolded = _unfolded.RemoveAll(segment => segment.Number <= folding.Through);
            _foldedThrough = folding.Through;
        }
    }

    /// <summary>Deletes segments that nothing needs any more: neither their operations nor their records.</summary>
    private void DropFolded()
    {
        bool isChanged;
        lock (_gate)
        {
            var first = Math.Min(_foldedThrough + 1, _replay.Segment);
            isChanged = first > _firstSegment;
            _firstSegment = Math.Max(first, _firstSegment);
        }
        if (isChanged)
            WriteManifest();
        DeleteStrays();
        LetWritersPass(isStuck: _foldingStopped);
    }

    /// <summary>Wakes writers that wait for folding.</summary>
    /// <param name="isStuck">Whether they need not wait again, because there is no folding for the time being.</param>
    private void LetWritersPass(bool isStuck)
    {
        Volatile.Write(ref _foldingIsStuck, isStuck);
        Interlocked.Exchange(ref _folded, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    /// <summary>Sealed segments that were not folded yet.</summary>
    internal int UnfoldedSegments
    {
        get
        {
            lock (_gate)
                return _segment - 1 - _foldedThrough;
        }
    }

    /// <summary>Writers wait when folding is far behind, before the index in RAM, and what the next start has to read, grow further.</summary>
    private async ValueTask WaitForFoldingAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var folded = Volatile.Read(ref _folded).Task; // before looking: what is folded from here on completes it
            if (UnfoldedSegments <= _options.KeepSegments + _options.UnfoldedSegments || Volatile.Read(ref _foldingIsStuck))
                return;
            await folded.WaitAsync(cancellationToken).ConfigureAwait(false);
            ThrowIfUnusable();
        }
    }

    /// <summary>In how many pieces a bucket lies.</summary>
    internal int ExtentCountOf(string bucket) => ViewOf(bucket).Extents.Count;

    private void LoadFolded()
    {
        foreach (var entry in RunMerge.Merge(_records.SourcesFor(OwnTable.Folded, FoldedKey.Files, from: FoldedKey.Files)))
        {
            if (!entry.Record.HasValue)
                continue;
            var number = FoldedKey.FileNumber(entry.Record.Key.Span);
            var file = OpFile.Open(_files, number, _store, entry.Record.Value.Span);
            _opFiles.Add(number, file);
            _handles = _handles.Add(OpFileFormat.Segment(number), file.Handle);
        }
        _nextOpFile = _files.List(OpFileFormat.Extension).Select(SegmentFormat.Number).DefaultIfEmpty(0).Max() + 1;
        var query = new RecordQuery();
        query.Add(OwnTable.Folded, FoldedKey.Through.Span);
        var rest = new int[1];
        RecordStore.GetFromRuns(query, rest.AsSpan(0, _records.GetFromMemory(query, first: 0, rest)), _records.SnapshotRuns());
        _foldedThrough = query.TryGetValue(0, out var through) ? BitConverter.ToInt32(through.Span) : _firstSegment - 1;
        _unfolded = _unfolded.RemoveAll(segment => segment.Number <= _foldedThrough);
    }

    /// <summary>Where a bucket's operations are, folded or not: as of one moment, with the files they are in.</summary>
    private BucketView ViewOf(string bucket)
    {
        var query = new RecordQuery();
        var key = FoldedKey.Bucket(bucket);
        query.Add(OwnTable.Folded, key);
        var rest = new int[1];
        int count;
        RunFile[] runs;
        ImmutableArray<UnfoldedSegment> unfolded;
        SegmentPart?[] parts;
        ImmutableDictionary<int, SafeFileHandle> files;
        lock (_gate)
        {
            ThrowIfUnusable();
            (unfolded, files) = (_unfolded, _handles);
            parts = new SegmentPart?[unfolded.Length];
            for (var index = 0; index < parts.Length; index++)
                parts[index] = unfolded[index].InRam?.Find(FoldedKey.NameOf(key));
            count = _records.GetFromMemory(query, first: 0, rest);
            runs = _records.SnapshotRuns();
        }
        RecordStore.GetFromRuns(query, rest.AsSpan(0, count), runs);
        var stored = StoredExtents(query, 0);
        List<Extent> all = [.. stored.Extents];
        var hash = BloomFilter.Hash((byte)OwnTable.Folded, key);
        var buffer = default(BlockBuffer);
        try
        {
            for (var index = 0; index < parts.Length; index++)
            {
                if (unfolded[index].Number <= stored.Through)
                    continue;
                var part = unfolded[index].OnDisk is { } file ? file.Find(key, hash, ref buffer) : parts[index];
                part?.ApplyTo(all);
            }
        }
        finally
        {
            buffer.Return();
        }
        return new BucketView(all, stored.Extents, stored.Through, files);
    }

    /// <summary>
    /// The same of the buckets that are folded next, as far as the segments that are folded have them, until those have enough operations. What files say of
    /// them is read in the order of their keys.
    /// </summary>
    private List<BucketView> ViewsOf(FoldingRun folding)
    {
        _foldedQuery.Clear();
        for (var index = 0; index < folding.Names.Count; index++)
            _foldedQuery.Add(OwnTable.Folded, FoldedKey.Bucket(folding.Names[index]));
        var count = _foldedQuery.Count;
        var rest = ArrayPool<int>.Shared.Rent(count);
        List<BucketView> views = new(count);
        var buffer = default(BlockBuffer);
        try
        {
            RunFile[] runs;
            ImmutableDictionary<int, SafeFileHandle> files;
            int left;
            lock (_gate)
            {
                ThrowIfUnusable();
                if (folding.Epoch != _epoch)
                {
                    folding.Stop(); // everything became void, and the segments may be gone
                    return [];
                }
                left = _records.GetFromMemory(_foldedQuery, first: 0, rest);
                (runs, files) = (_records.SnapshotRuns(), _handles);
            }
            rest.AsSpan(0, left).Sort((one, other) => _foldedQuery.Key(one).Span.SequenceCompareTo(_foldedQuery.Key(other).Span));
            RecordStore.GetFromRuns(_foldedQuery, rest.AsSpan(0, left), runs);
            for (var index = 0; index < count; index++)
            {
                var stored = StoredExtents(_foldedQuery, index);
                views.Add(new BucketView([.. stored.Extents], stored.Extents, stored.Through, files));
            }
            foreach (var segment in folding.Segments)
            {
                for (var index = 0; index < count; index++)
                {
                    var key = _foldedQuery.Key(index).Span;
                    if (segment.Segment > views[index].StoredThrough)
                        segment.Find(key, BloomFilter.Hash((byte)OwnTable.Folded, key), ref buffer)?.ApplyTo(views[index].Extents);
                }
            }
        }
        finally
        {
            buffer.Return();
            ArrayPool<int>.Shared.Return(rest);
        }
        return views;
    }

    private static FoldedExtents StoredExtents(RecordQuery query, int index) =>
        query.TryGetValue(index, out var value) ? FoldedExtents.Parse(value.Span) : new FoldedExtents(0, []);

    /// <param name="Extents">All that counts, in ascending order.</param>
    /// <param name="Stored">What the record says.</param>
    /// <param name="StoredThrough">Segments up to this one do not count beside the record.</param>
    /// <param name="Files">Handles that stay open for as long as they are referenced.</param>
    private readonly record struct BucketView(List<Extent> Extents, List<Extent> Stored, int StoredThrough, ImmutableDictionary<int, SafeFileHandle> Files);
}
