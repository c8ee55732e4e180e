using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Embedded.Folding;
using TopGun.Buckets.ColdStorage.Embedded.Runs;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Embedded;

// The log: appending, segments, and what a reset leaves.
public sealed partial class EmbeddedColdStorage
{
    private RecordChanges? _kept; // records that outlive the reset under way
    private long _written; // bytes, by this process; changed under _appending
    private (int Segment, string? Place) _segmentPlace; // where the segment being written was when this process first wrote to it

    /// <summary>One append, one flush. Afterwards the frame is durable, or the log is as it was, or the store has failed.</summary>
    private void Append(StoreWrite write)
    {
        _kept = write.Reset ? MetaRecords() : null;
        _frame.Write(write, _sequence, _kept);
        var file = _handles[_segment];
        RequireUntouched(file);
        try
        {
            _files.Write(file, _frame.Buffers, _segmentLength);
            _written += _frame.Header.Length;
        }
        catch (Exception failure) when (IsNoRoom(failure))
        {
            CutBack(file);
            throw new StoreFullException(_files.Folder, failure);
        }
        catch (Exception failure)
        {
            throw Fail(failure);
        }
        try
        {
            _files.Flush(file);
        }
        catch (Exception failure)
        {
            // The system may have dropped the pages that it could not write: asking again would succeed without them.
            throw Fail(failure);
        }
    }

    /// <summary>
    /// Whoever deletes the files of a store in use, or puts older ones in their place, is told at the next write: what is written to a file without a name
    /// would be lost at the next start.
    /// </summary>
    private void RequireUntouched(SafeFileHandle file)
    {
        var place = _files.WhereIs(file);
        if (_segmentPlace.Segment != _segment)
            _segmentPlace = (_segment, place);
        if (place != _segmentPlace.Place || !_files.Exists(SegmentFormat.Name(_segment)) || RandomAccess.GetLength(file) != _segmentLength)
            throw Fail(new StoreReplacedException(_files.Folder));
    }

    private void CutBack(SafeFileHandle file)
    {
        try
        {
            _files.Truncate(file, _segmentLength);
        }
        catch (Exception failure)
        {
            throw Fail(failure);
        }
    }

    /// <summary>Seals the segment and begins the next.</summary>
    private void Roll()
    {
        if (_segmentLength == SegmentFormat.HeaderSize)
            return;
        try
        {
            var next = _segment + 1;
            var file = CreateSegment(next, _sequence);
            lock (_gate)
            {
                _unfolded[^1].InRam!.Seal(_segmentLength, _sequence);
                _unfolded = _unfolded.Add(new UnfoldedSegment(next, new SegmentIndex(next), OnDisk: null));
                _handles = _handles.Add(next, file);
                _segment = next;
                _segmentLength = SegmentFormat.HeaderSize;
            }
            _work.Release();
        }
        catch (Exception failure) when (MayPass(failure))
        {
            // The present segment grows on; the next write tries again.
            Log.CannotRoll(_logger, failure);
        }
        catch (Exception failure)
        {
            throw Fail(failure);
        }
    }

    private SafeFileHandle CreateSegment(int segment, ulong firstSequence)
    {
        var name = SegmentFormat.Name(segment);
        var file = _files.Open(name, FileMode.Create, FileAccess.ReadWrite);
        try
        {
            _files.Write(file, [SegmentFormat.Header(segment, _store, firstSequence)], 0);
            _files.Flush(file);
            _files.SyncFolder();
            return file;
        }
        catch
        {
            file.Dispose();
            _files.Delete(name);
            throw;
        }
    }

    private RecordChanges MetaRecords()
    {
        var kept = new RecordChanges();
        foreach (var entry in RunMerge.Merge(_records.SourcesFor(RecordTable.Meta, default, default)))
        {
            if (entry.Record.HasValue)
                kept.Put(RecordTable.Meta, entry.Record.Key.Span, entry.Record.Value.Span);
        }
        return kept;
    }

    /// <summary>Nothing before the segment just begun counts any more.</summary>
    private void Forget()
    {
        _epoch++;
        _unfolded = [new UnfoldedSegment(_segment, new SegmentIndex(_segment), OnDisk: null)];
        _records.Clear();
        _image = null;
        _opFiles.Clear();
        _firstSegment = _segment;
        _foldedThrough = _segment - 1;
        _replay = (_segment, SegmentFormat.HeaderSize);
    }

    private void DropForgotten()
    {
        try
        {
            WriteManifest();
            DeleteStrays();
        }
        catch (Exception failure) when (MayPass(failure))
        {
            // The reset itself is in the log; opening the store finds it there and clears up.
            Log.CannotClearUp(_logger, failure);
        }
        catch (Exception failure)
        {
            throw Fail(failure);
        }
    }

    /// <summary>Deletes files that neither the manifest names nor this process uses. Handles stay open until the last reader is gone.</summary>
    private void DeleteStrays()
    {
        // What was given up meanwhile, by a reset for one, stays until there is a manifest that does not name it.
        lock (_manifestGate)
        {
            var firstSegment = _manifest!.FirstSegment;
            // First what there is, then what is needed: a file that another thread begins in between must not be taken for one that nobody needs.
            List<string> found = [.. _files.List(OpFileFormat.Extension), .. _files.List(RunFormat.Extension)];
            HashSet<string> named = [.. _manifest.Runs.Select(run => RunFormat.Name(run.Number))];
            lock (_gate)
            {
                named.UnionWith(_records.Runs.Select(run => RunFormat.Name(run.Number)));
                named.UnionWith(_opFiles.Keys.Select(OpFileFormat.Name));
                if (_writingRun is { } run)
                    named.Add(RunFormat.Name(run));
                if (_writingOpFile is { } opFile)
                    named.Add(OpFileFormat.Name(opFile));
                _handles = _handles.RemoveRange(_handles.Keys.Where(file =>
                    OpFileFormat.IsOpFile(file) ? !_opFiles.ContainsKey(OpFileFormat.Number(file)) : file < _firstSegment));
            }
            foreach (var name in found.Where(name => !named.Contains(name)))
                _files.Delete(name);
            foreach (var name in _files.List(SegmentFormat.Extension).Concat(_files.List(SegmentFormat.IndexExtension)))
            {
                if (SegmentFormat.Number(name) < firstSegment)
                    _files.Delete(name);
            }
            if (Volatile.Read(ref _image) is null && _files.Exists(TableImage.Name(ImagedTable)))
                _files.Delete(TableImage.Name(ImagedTable));
        }
    }

    /// <summary>ENOSPC, EDQUOT and EFBIG; the last reaches us as a complaint about a length.</summary>
    private static bool IsNoRoom(Exception failure) => failure switch
    {
        StoreFullException => true,
        IOException io => (io.HResult & 0xFFFF) is 28 or 122 or 27 or 112 or 39,
        ArgumentOutOfRangeException => true,
        _ => false,
    };

    /// <summary>Whether what was to be put in order can wait: there is no room, or no file handle (ENFILE, EMFILE) because clients have them all.</summary>
    private static bool MayPass(Exception failure) =>
        IsNoRoom(failure) || (failure is IOException io && !OperatingSystem.IsWindows() && (io.HResult & 0xFFFF) is 23 or 24);

    private BucketsException Fail(Exception failure)
    {
        Volatile.Write(ref _failure, failure);
        Log.Failed(_logger, failure);
        return failure as BucketsException ?? new StoreFailedException(_files.Folder, failure);
    }

    private static partial class Log
    {
        [LoggerMessage(2010, LogLevel.Error, "The store failed and has to be opened anew.")]
        public static partial void Failed(ILogger logger, Exception failure);

        [LoggerMessage(2011, LogLevel.Warning, "A new log segment cannot be made for the time being; the present one grows on.")]
        public static partial void CannotRoll(ILogger logger, Exception failure);

        [LoggerMessage(2012, LogLevel.Warning, "The store cannot be put in order for the time being; it is tried again.")]
        public static partial void CannotClearUp(ILogger logger, Exception failure);

        [LoggerMessage(2014, LogLevel.Error, "Part of the log cannot be put in order by bucket and stays as it was written.")]
        public static partial void CannotFold(ILogger logger, Exception failure);

        [LoggerMessage(2013, LogLevel.Information, "Opened segment {Segment}: {FrameCount} writes were read back, {TornBytes} bytes of one that was never confirmed were cut off.")]
        public static partial void Recovered(ILogger logger, int segment, int frameCount, long tornBytes);

        [LoggerMessage(2016, LogLevel.Warning, "What was put together of all buckets for the start is damaged, and is read from where it came from.")]
        public static partial void ImageDamaged(ILogger logger, Exception failure);

        [LoggerMessage(2015, LogLevel.Information, "Opened the store in {Milliseconds} ms, with {RunCount} runs, {SegmentCount} segments of the log and {OpFileCount} op files (ms: {Steps}).")]
        public static partial void Opened(ILogger logger, long milliseconds, int runCount, int segmentCount, int opFileCount, StepTimes steps);
    }
}
