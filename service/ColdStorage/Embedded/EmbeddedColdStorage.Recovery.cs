using Microsoft.Win32.SafeHandles;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Embedded.Runs;

namespace TopGun.Buckets.ColdStorage.Embedded;

// Opening: the manifest says which files count, runs have records, indexes of sealed segments have extents, the end of the log brings the rest.
public sealed partial class EmbeddedColdStorage
{
    private int _recoveredFrames;
    private bool _foundReset;

    private void Recover()
    {
        var steps = new StepTimes(TimeProvider.System);
        foreach (var name in _files.List(".tmp"))
            _files.Delete(name);
        if (!_files.Exists(Manifest.Name))
        {
            Create();
            return;
        }
        var manifest = _manifest = Manifest.Parse(_files.ReadAll(Manifest.Name), _files.Folder, out var format);
        _store = manifest.Store;
        _firstSegment = manifest.FirstSegment;
        _nextRun = manifest.NextRun;
        _replay = (manifest.ReplaySegment, manifest.ReplayOffset);
        var runs = Task.WhenAll(manifest.Runs.Select(run => Task.Run(() => RunFile.Open(_files, run.Number, run.Tier))));
        try
        {
            OpenSegments();
        }
        finally
        {
            runs.ContinueWith(static _ => { }, TaskScheduler.Default).Wait(); // whatever became of them
        }
        steps.End("log");
        if (!_foundReset)
        {
            _records.Load(runs.GetAwaiter().GetResult());
            _image = TableImage.TryOpen(_files, ImagedTable);
        }
        steps.End("runs");
        LoadFolded();
        steps.End("op files");
        if (_foundReset || format < Manifest.Format)
            WriteManifest(); // from here on an older process would not understand everything
        DropFolded();
        steps.End("clearing up");
        Log.Opened(_logger, steps.Milliseconds, manifest.Runs.Count, _unfolded.Length, _opFiles.Count, steps);
    }

    private void Create()
    {
        if (_files.List(SegmentFormat.Extension).Count > 1 || _files.List(RunFormat.Extension).Count > 0)
            throw new DamagedStoreException(_files.PathOf(Manifest.Name), "it is missing");
        _store = Guid.NewGuid();
        _segment = 1;
        _segmentLength = SegmentFormat.HeaderSize;
        _replay = (1, SegmentFormat.HeaderSize);
        _unfolded = [new UnfoldedSegment(1, new SegmentIndex(1), OnDisk: null)];
        _handles = _handles.Add(1, CreateSegment(1, _sequence));
        WriteManifest();
    }

    private void OpenSegments()
    {
        List<int> numbers = [.. _files.List(SegmentFormat.Extension).Select(SegmentFormat.Number).Where(number => number >= _firstSegment)];
        for (var index = 0; index < numbers.Count; index++)
        {
            if (numbers[index] != _firstSegment + index)
                throw new DamagedStoreException(_files.PathOf(SegmentFormat.Name(_firstSegment + index)), "it is missing");
        }
        if (numbers.Count == 0 || numbers[^1] < _replay.Segment)
            throw new DamagedStoreException(_files.PathOf(SegmentFormat.Name(_replay.Segment)), "it is missing");

        ulong? expected = null;
        foreach (var number in numbers)
        {
            var isLast = number == numbers[^1];
            var file = _files.Open(SegmentFormat.Name(number), FileMode.Open, isLast ? FileAccess.ReadWrite : FileAccess.Read);
            _handles = _handles.Add(number, file);
            var header = new byte[SegmentFormat.HeaderSize];
            _files.Read(file, header, 0);
            var first = SegmentFormat.ReadFirstSequence(header, number, _store);
            if (first is null && isLast && expected is not null && RandomAccess.GetLength(file) <= SegmentFormat.HeaderSize)
            {
                // The process died while it began this segment.
                file.Dispose();
                _handles = _handles.SetItem(number, CreateSegment(number, expected.Value));
                first = expected;
            }
            if (first is null || (expected is not null && first != expected))
                throw new DamagedStoreException(_files.PathOf(SegmentFormat.Name(number)), "its header is not that of the next segment");
            expected = OpenSegment(_handles[number], number, first.Value, isLast);
        }
        _sequence = expected!.Value;
    }

    /// <summary>Takes in a segment and returns the sequence that follows its last frame.</summary>
    private ulong OpenSegment(SafeFileHandle file, int number, ulong firstSequence, bool isLast)
    {
        var index = isLast ? null : SegmentIndexFile.TryOpen(_files, number, RandomAccess.GetLength(file));
        if (index is not null && number < _replay.Segment)
        {
            _unfolded = _unfolded.Add(new UnfoldedSegment(number, InRam: null, index));
            return index.NextSequence;
        }

        _segment = number;
        _recoveredFrames = 0;
        _unfolded = _unfolded.Add(new UnfoldedSegment(number, index is null ? new SegmentIndex(number) : null, index));
        var reader = new SegmentReader(_files, file, number, firstSequence);
        while (reader.TryRead(out var frame))
            TakeIn(frame);
        _segmentLength = reader.Offset;
        if (!reader.IsAtEnd)
            CutOff(reader, file, number, isLast);
        if (!isLast)
            _unfolded[^1].InRam?.Seal(_segmentLength, reader.Sequence);
        return reader.Sequence;
    }

    private void TakeIn(LogFrame frame)
    {
        _recoveredFrames++;
        if (frame.Header.IsReset && (frame.Segment != _firstSegment || frame.Offset != SegmentFormat.HeaderSize))
        {
            Forget();
            _foundReset = true;
        }
        if (_unfolded[^1].InRam is { } index)
            frame.Index(index);
        if (frame.Segment > _replay.Segment || (frame.Segment == _replay.Segment && frame.Offset >= _replay.Offset))
            frame.Apply(_records);
    }

    private void CutOff(SegmentReader reader, SafeFileHandle file, int number, bool isLast)
    {
        // What runs hold already was confirmed long ago, so it was not torn.
        var isConfirmed = !isLast || (number == _replay.Segment && reader.Offset < _replay.Offset);
        if (isConfirmed)
            throw new DamagedStoreException(_files.PathOf(SegmentFormat.Name(number)), $"the frame at {reader.Offset} does not agree with its checksum");
        reader.RequireTorn();
        Log.Recovered(_logger, number, _recoveredFrames, RandomAccess.GetLength(file) - reader.Offset);
        _files.Truncate(file, reader.Offset);
        _files.Flush(file);
    }
}
