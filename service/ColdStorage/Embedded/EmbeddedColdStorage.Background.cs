using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Embedded.Folding;
using TopGun.Buckets.ColdStorage.Embedded.Runs;

namespace TopGun.Buckets.ColdStorage.Embedded;

// Flushing full tables to runs, merging runs, and folding, beside reading and writing.
public sealed partial class EmbeddedColdStorage
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1); // a full disk is rarely emptied faster
    private static readonly TimeSpan CalmTime = TimeSpan.FromMilliseconds(500);
    private const long CalmBytes = 2 << 20; // written in that time: an order of magnitude less than the store can take

    private const RecordTable ImagedTable = RecordTable.Bucket; // the one that is taken in whole at each start

    private readonly Lock _manifestGate = new();
    private Manifest? _manifest; // the one on the disk; under _manifestGate
    private readonly SemaphoreSlim _work = new(0);
    private TaskCompletionSource? _settled;
    private Task _background = Task.CompletedTask;
    private TaskCompletionSource _flushed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private (int Segment, long Offset) _replay;
    private (int Segment, long Offset) _frozenEnd;
    private int _nextRun = 1;
    private int? _writingRun;
    private TableImage? _image; // of the runs as they were a while ago
    private int _epoch; // counts resets: what was begun before one is void after it

    private void FreezeWhenFull()
    {
        lock (_gate)
        {
            if (_records.Frozen is not null || _records.ActiveBytes < _options.MemtableBytes)
                return;
            Freeze();
        }
        _work.Release();
    }

    private void Freeze()
    {
        _records.Freeze();
        _frozenEnd = (_segment, _segmentLength);
        _flushed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Writers wait when the disk cannot keep up with flushing, before RAM grows further.</summary>
    private async ValueTask WaitForMemtableAsync(CancellationToken cancellationToken)
    {
        Task flushed;
        lock (_gate)
        {
            if (_records.Frozen is null || _records.ActiveBytes < 2 * _options.MemtableBytes)
                return;
            flushed = _flushed.Task;
        }
        await flushed.WaitAsync(cancellationToken).ConfigureAwait(false);
        ThrowIfUnusable();
    }

    private async Task WorkAsync()
    {
        TaskCompletionSource? settled = null;
        while (Volatile.Read(ref _failure) is null)
        {
            var written = Volatile.Read(ref _written);
            var isWoken = await _work.WaitAsync(_foldingWaits ? CalmTime : Timeout.InfiniteTimeSpan).ConfigureAwait(false);
            var isCalm = !isWoken && Volatile.Read(ref _written) - written <= CalmBytes;
            // Taken before the first step: who asks later may have left work that the last step did not see.
            settled ??= Interlocked.Exchange(ref _settled, null);
            try
            {
                while (Volatile.Read(ref _failure) is null && (Flush() || WriteIndex() || Merge() || WriteImage() || Fold(atOnce: isCalm || settled is not null)))
                    isCalm = false; // one step at a time, so that a full table never waits for more than one merge
                settled?.TrySetResult();
                settled = null;
            }
            catch (ObjectDisposedException) when (_failure is ObjectDisposedException)
            {
                // Closing: a run that is not complete is deleted when the store is opened again.
            }
            catch (Exception failure) when (MayPass(failure))
            {
                Log.CannotClearUp(_logger, failure);
                LetWritersPass(isStuck: true); // who writes is to be told of the full disk himself
                await _work.WaitAsync(RetryDelay).ConfigureAwait(false);
                _work.Release();
            }
            catch (Exception failure)
            {
                Fail(failure);
            }
        }
        _flushed.TrySetResult();
        LetWritersPass(isStuck: true);
        settled?.TrySetResult();
        Interlocked.Exchange(ref _settled, null)?.TrySetResult();
    }

    /// <summary>Gives back now what the background would give back in time: seals the log's last segment, folds it, and deletes what nothing needs.</summary>
    public async ValueTask ReclaimAsync(CancellationToken cancellationToken)
    {
        ThrowIfUnusable();
        await SettleAsync().WaitAsync(cancellationToken); // a table that is being flushed stands in the way of the next
        lock (_appending)
        {
            ThrowIfUnusable();
            Roll();
            lock (_gate)
            {
                if (_records.Frozen is null)
                    Freeze();
            }
        }
        await SettleAsync().WaitAsync(cancellationToken);
        ThrowIfUnusable();
    }

    /// <summary>Waits until there is nothing to flush, to merge or to fold of what was there at the call.</summary>
    internal Task SettleAsync()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var settled = Interlocked.CompareExchange(ref _settled, asked, null) ?? asked;
        _work.Release();
        return settled.Task;
    }

    /// <summary>Writes the frozen table to a run; false when there is none.</summary>
    private bool Flush()
    {
        Memtable frozen;
        int epoch;
        (int Segment, long Offset) end;
        int number;
        lock (_gate)
        {
            if (_records.Frozen is null)
                return false;
            (frozen, epoch, end) = (_records.Frozen, _epoch, _frozenEnd);
            _writingRun = number = _nextRun++;
        }
        var isOldest = _records.Runs.Count == 0;
        var run = WriteRun(number, tier: 0, frozen.Count, RecordStore.AllOf(frozen), dropsRemovals: isOldest);
        lock (_gate)
        {
            _writingRun = null;
            if (epoch == _epoch)
            {
                _records.Flushed(run);
                _replay = end;
            }
        }
        WriteManifest();
        _flushed.TrySetResult();
        if (epoch != _epoch)
            DeleteStrays();
        else
            DropFolded();
        return true;
    }

    /// <summary>Writes the index of a sealed segment to a file and lets go of the one in RAM; false when there is none.</summary>
    private bool WriteIndex()
    {
        SegmentIndex? index;
        int epoch;
        lock (_gate)
        {
            epoch = _epoch;
            index = _unfolded.Select(segment => segment.InRam).FirstOrDefault(waiting => waiting is not null && waiting.Segment < _segment);
        }
        if (index is null)
            return false;
        var written = SegmentIndexFile.Write(_files, index);
        lock (_gate)
        {
            if (epoch == _epoch)
                _unfolded = [.. _unfolded.Select(segment => segment.InRam == index ? segment with { InRam = null, OnDisk = written } : segment)];
        }
        if (epoch != _epoch)
            DeleteStrays();
        return true;
    }

    /// <summary>Merges runs of one size into one; false when there are not enough of any.</summary>
    private bool Merge()
    {
        IReadOnlyList<RunFile>? sources;
        int epoch;
        int number;
        bool isOldest;
        lock (_gate)
        {
            sources = _records.FindMerge(_options.MergeWidth);
            if (sources is null)
                return false;
            isOldest = ReferenceEquals(sources[^1], _records.Runs[^1]);
            epoch = _epoch;
            _writingRun = number = _nextRun++;
        }
        var records = sources.Sum(run => run.RecordCount);
        var merged = RunMerge.Merge([.. sources.Select(run => run.ReadOnce())]);
        var result = WriteRun(number, sources[0].Tier + 1, records, merged, dropsRemovals: isOldest);
        lock (_gate)
        {
            _writingRun = null;
            if (epoch == _epoch)
                _records.Merged(sources, result);
        }
        WriteManifest();
        DeleteStrays();
        return true;
    }

    /// <summary>Puts together what the runs have of all buckets, once that is in too many places; false when it is not.</summary>
    private bool WriteImage()
    {
        RunFile[] runs;
        TableImage? image;
        int epoch;
        lock (_gate)
        {
            (runs, epoch) = (_records.SnapshotRuns(), _epoch);
            image = _image?.IsOf(runs) == true ? _image : null;
        }
        var apart = runs[..(image?.CountApart(runs) ?? runs.Length)];
        if (runs.Length < 2 || apart.Length == 0 || apart.Sum(run => run.BlocksOf(ImagedTable)) < Math.Max(_options.ImageBlocks, (image?.BlockCount ?? 0) / 2))
            return false;
        try
        {
            image = TableImage.Write(_files, ImagedTable, runs, image, ThrowIfUnusable);
        }
        catch (DamagedStoreException) when (image is not null)
        {
            image = TableImage.Write(_files, ImagedTable, runs, before: null, ThrowIfUnusable);
        }
        lock (_gate)
        {
            if (epoch == _epoch)
                _image = image;
        }
        if (epoch != _epoch)
            DeleteStrays();
        return true;
    }

    /// <summary>Shows what the image has; false when it is damaged, and some was not shown.</summary>
    private bool TryVisit(TableImage image, RecordVisitor visit)
    {
        try
        {
            image.Visit(visit);
            return true;
        }
        catch (DamagedStoreException failure)
        {
            Log.ImageDamaged(_logger, failure);
            lock (_gate)
                _image = _image == image ? null : _image;
            return false;
        }
    }

    /// <summary>Writes a run and opens it; null when nothing is left to write.</summary>
    private RunFile? WriteRun(int number, int tier, int expected, IEnumerable<RunEntry> entries, bool dropsRemovals)
    {
        var count = 0;
        using (var writer = new RunWriter(_files, RunFormat.Name(number), expected))
        {
            foreach (var entry in entries)
            {
                if (dropsRemovals && (!entry.Record.HasValue || IsOfNothing(entry)))
                    continue; // nothing older is left that it would hide
                if (Volatile.Read(ref _failure) is { } failure)
                    throw failure;
                writer.Add(entry);
                count++;
            }
            writer.Complete();
        }
        _files.SyncFolder();
        if (count > 0)
            return RunFile.Open(_files, number, tier);
        _files.Delete(RunFormat.Name(number));
        return null;
    }

    /// <summary>Whether it says that nothing is left of a bucket, and no segment is left either that has something of it which does not count.</summary>
    private bool IsOfNothing(in RunEntry entry) =>
        entry.Table == OwnTable.Folded
        && FoldedKey.IsBucket(entry.Record.Key.Span)
        && entry.Record.Value.Length < FoldedExtents.ExtentSize
        && FoldedExtents.Parse(entry.Record.Value.Span).Through <= Volatile.Read(ref _foldedThrough);

    private void WriteManifest()
    {
        lock (_manifestGate)
        {
            Manifest manifest;
            lock (_gate)
            {
                manifest = new Manifest(
                    _store, _firstSegment, _replay.Segment, _replay.Offset, _nextRun, [.. _records.Runs.Select(run => (run.Number, run.Tier))]);
            }
            _files.Replace(Manifest.Name, manifest.Serialize());
            _manifest = manifest;
        }
    }
}
