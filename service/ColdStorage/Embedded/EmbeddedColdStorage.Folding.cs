using System.Collections.Immutable;
using System.Runtime.InteropServices;
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
    private const int SegmentsAtOnce = 4; // together, so that a bucket's operations of all of them are moved once

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
        var (epoch, through) = (0, 0);
        List<string> names = [];
        OpFile? sparse = null;
        lock (_gate)
        {
            epoch = _epoch;
            through = _foldedThrough;
            var waiting = Math.Max(_segment - _options.KeepSegments - 1 - through, 0);
            _foldingWaits = !atOnce && waiting > 0 && waiting <= Math.Min(_options.WaitingSegments, _options.UnfoldedSegments);
            if (waiting > 0 && !_foldingWaits)
            {
                through += Math.Min(waiting, SegmentsAtOnce);
                names = [.. _index.NamesIn(_foldedThrough + 1, through)];
            }
            else if ((sparse = _opFiles.Values.FirstOrDefault(file => file.IsSparse)) is null)
                return false;
        }
        try
        {
            Fold(epoch, through, sparse?.ReadDirectory(_files) ?? names, sparse);
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

    private void Fold(int epoch, int through, IReadOnlyList<string> names, OpFile? sparse)
    {
        int number;
        lock (_gate)
            _writingOpFile = number = _nextOpFile++;
        var dead = new Dictionary<int, long>();
        var write = new StoreWrite();
        var isComplete = false;
        try
        {
            long opCount;
            using (var writer = new OpFileWriter(_files, number, _store))
            {
                Fold(names, writer, through, sparse, dead, write.Records);
                writer.Complete();
                opCount = writer.OpCount;
            }
            var file = new OpFile(number, _files.Open(OpFileFormat.Name(number), FileMode.Open, FileAccess.Read), opCount, opCount);
            lock (_appending)
            {
                if (epoch != _epoch)
                    return; // everything became void meanwhile
                var files = Remaining(dead, sparse);
                files.Add(file);
                AddFileRecords(write.Records, files);
                write.Records.Put(OwnTable.Folded, FoldedKey.Through.Span, BitConverter.GetBytes(through));
                AppendFolded(write, names, through, files);
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
    }

    /// <summary>Writes what the buckets have where it is left, and puts where they are afterwards into the records.</summary>
    private void Fold(
        IReadOnlyList<string> names, OpFileWriter writer, int through, OpFile? sparse, Dictionary<int, long> dead, RecordChanges records)
    {
        using var pieces = sparse is null ? new SegmentPieces(_files, through) : null;
        for (var first = 0; first < names.Count;)
        {
            while (Flush())
            {
                // Writers would wait for it.
            }
            foreach (var view in LookAhead(names, first, pieces))
            {
                if (Volatile.Read(ref _failure) is { } failure)
                    throw failure;
                var name = names[first++];
                var extents = Fold(name, view, pieces, writer, through, sparse, dead);
                if (extents.Count > 0)
                    records.Put(OwnTable.Folded, FoldedKey.Bucket(name), FoldedExtents.Write(extents));
                else
                    records.Delete(OwnTable.Folded, FoldedKey.Bucket(name));
            }
        }
    }

    /// <summary>Looks where the next buckets are, as many as there is room for, and reads what the segments have of them; only the next where none is left.</summary>
    private List<BucketView> LookAhead(IReadOnlyList<string> names, int first, SegmentPieces? pieces)
    {
        if (pieces is null)
            return [ViewOf(names[first])];
        var views = ViewsOf(names, first, pieces);
        pieces.Clear();
        var files = views[0].Files; // the segments have been there since before the first look
        var extents = views.SelectMany(view => view.Extents).Where(extent => pieces.IsOf(extent.Segment)).ToList();
        foreach (var extent in extents)
            pieces.Want(extent.Segment, extent.Offset, extent.Count * FrameFormat.OpSize);
        pieces.Read(files);
        foreach (var extent in extents)
            ExtentReader.WantFragments(extent, pieces, _folding);
        pieces.Read(files);
        return views;
    }

    /// <summary>Writes those of a bucket's extents that have to leave where they are, and their small neighbours, and returns all of them in order.</summary>
    private List<Extent> Fold(
        string bucket, BucketView view, SegmentPieces? pieces, OpFileWriter writer, int through, OpFile? sparse, Dictionary<int, long> dead)
    {
        foreach (var stored in view.Stored)
            dead[stored.Segment] = dead.GetValueOrDefault(stored.Segment) + stored.Count;
        // What later segments hold stays with them.
        List<Extent> extents = [.. view.Extents.Where(extent => extent.Segment <= through)];
        var leaves = Leaving(extents, view.Stored, sparse);
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
            _extents.CopyTo(view.Files[extents[index].Segment], extents[index], pieces, _folding, writer, result);
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
    private List<OpFile> Remaining(Dictionary<int, long> dead, OpFile? sparse)
    {
        List<OpFile> files = [];
        foreach (var file in _opFiles.Values.Where(file => file != sparse))
            files.Add(file.Without(dead.GetValueOrDefault(OpFileFormat.Segment(file.Number))));
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

    /// <summary>Makes a fold durable, and known bucket by bucket: readers find each of them in its old place or in its new one.</summary>
    private void AppendFolded(StoreWrite write, IReadOnlyList<string> folded, int through, List<OpFile> files)
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
        // The buckets' records come first, in the order of the buckets.
        for (var first = 0; first < write.Records.Count; first += BucketsPerLock)
        {
            lock (_gate)
            {
                for (var index = first; index < Math.Min(first + BucketsPerLock, write.Records.Count); index++)
                {
                    var record = write.Records[index];
                    _records.Apply(record.Table, record.Key.Span, record.Value is not null, record.Value.GetValueOrDefault().Span);
                    if (index < folded.Count)
                        _index.Fold(folded[index], through);
                }
            }
        }
        lock (_gate)
        {
            _index.Forget(through);
            _foldedThrough = through;
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
        foreach (var name in _index.Names)
            _index.Fold(name, _foldedThrough);
        _index.Forget(_foldedThrough);
    }

    /// <summary>Where a bucket's operations are, folded or not: as of one moment, with the files they are in.</summary>
    private BucketView ViewOf(string bucket)
    {
        var query = new RecordQuery();
        query.Add(OwnTable.Folded, FoldedKey.Bucket(bucket));
        var rest = new int[1];
        int count;
        UnfoldedBucket unfolded;
        RunFile[] runs;
        lock (_gate)
        {
            ThrowIfUnusable();
            unfolded = Unfolded(bucket);
            count = _records.GetFromMemory(query, first: 0, rest);
            runs = _records.SnapshotRuns();
        }
        RecordStore.GetFromRuns(query, rest.AsSpan(0, count), runs);
        return unfolded.With(query, 0);
    }

    /// <summary>The same of several buckets, until they have enough operations in the segments. What runs say of them is read in the order of their keys.</summary>
    private List<BucketView> ViewsOf(IReadOnlyList<string> names, int first, SegmentPieces pieces)
    {
        _foldedQuery.Clear();
        List<UnfoldedBucket> unfolded = [];
        List<int> rest = [];
        var room = new int[BucketsPerLock];
        var runs = Array.Empty<RunFile>();
        for (var ops = 0L; first + unfolded.Count < names.Count && ops < OpsAhead;)
        {
            lock (_gate)
            {
                ThrowIfUnusable();
                var asked = _foldedQuery.Count;
                for (var end = Math.Min(first + asked + BucketsPerLock, names.Count); first + unfolded.Count < end && ops < OpsAhead;)
                {
                    var name = names[first + unfolded.Count];
                    _foldedQuery.Add(OwnTable.Folded, FoldedKey.Bucket(name));
                    var bucket = Unfolded(name);
                    foreach (var extent in bucket.Extents)
                        ops += pieces.IsOf(extent.Segment) ? extent.Count : 0;
                    unfolded.Add(bucket);
                }
                rest.AddRange(room.AsSpan(0, _records.GetFromMemory(_foldedQuery, asked, room)));
                runs = _records.SnapshotRuns();
            }
        }
        rest.Sort((left, right) => _foldedQuery.Key(left).Span.SequenceCompareTo(_foldedQuery.Key(right).Span));
        RecordStore.GetFromRuns(_foldedQuery, CollectionsMarshal.AsSpan(rest), runs);
        return [.. unfolded.Select((bucket, index) => bucket.With(_foldedQuery, index))];
    }

    private UnfoldedBucket Unfolded(string bucket) => new(_index.Find(bucket), _index.Replaced(bucket), _handles);

    /// <summary>What is known in RAM of a bucket, at the moment at which its record was asked for.</summary>
    private readonly record struct UnfoldedBucket(List<Extent> Extents, List<OpRange> Replaced, ImmutableDictionary<int, SafeFileHandle> Files)
    {
        public BucketView With(RecordQuery query, int index)
        {
            if (!query.TryGetValue(index, out var value))
                return new BucketView(Extents, [], Files);
            var stored = FoldedExtents.Read(value.Span);
            List<Extent> all = [.. stored];
            foreach (var range in Replaced)
                Extent.CutOut(all, range);
            var isBehind = all.Count == 0 || Extents.Count == 0 || all[^1].First < Extents[0].First; // mostly: only what replaces something is not
            all.AddRange(Extents);
            if (!isBehind)
                all.Sort(static (left, right) => left.First.CompareTo(right.First));
            return new BucketView(all, stored, Files);
        }
    }

    /// <param name="Extents">All that counts, in ascending order.</param>
    /// <param name="Stored">What the record says.</param>
    /// <param name="Files">Handles that stay open for as long as they are referenced.</param>
    private readonly record struct BucketView(List<Extent> Extents, List<Extent> Stored, ImmutableDictionary<int, SafeFileHandle> Files);
}
