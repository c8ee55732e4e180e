using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.ColdStorage.Embedded.Runs;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.ColdStorage.Embedded;

/// <summary>
/// A store in a folder of its own: an append-only log that holds every write as it came, op files that hold the operations of its sealed segments by
/// bucket, and sorted runs that hold the records.
/// </summary>
/// <remarks>
/// A write is one append and one flush. One writer; readers take <c>_gate</c> only to look up what is in RAM and read files without it. A write
/// becomes known to readers in one step, after it is durable. The folder:
/// <code>
/// manifest        which of the files count        SegmentFormat, FrameFormat   00000001.log …  SegmentIndexFile .idx
/// lock, lock.pid  who has the store               OpFileFormat                 00000001.ops …
///                                                 RunFormat                    00000001.run …, TableImage .image
/// </code>
/// </remarks>
public sealed partial class EmbeddedColdStorage : IColdStorage
{
    /// <summary>The file that every store's folder has.</summary>
    public const string ManifestName = Manifest.Name;

    private const int UsualNameBytes = 256;

    private readonly Lock _gate = new();
    private readonly StoreFiles _files;
    private readonly EmbeddedOptions _options;
    private readonly ILogger _logger;
    private readonly RecordStore _records = new();
    private readonly Lock _appending = new(); // taken before _gate
    private readonly FrameWriter _frame = new();
    private readonly ExtentReader _extents;

    private ImmutableDictionary<int, SafeFileHandle> _handles = ImmutableDictionary<int, SafeFileHandle>.Empty; // of segments and op files
    private ImmutableArray<UnfoldedSegment> _unfolded = []; // ascending; the last is being written
    private StoreLock? _lock;
    private Guid _store;
    private int _firstSegment = 1;
    private int _segment;
    private long _segmentLength;
    private ulong _sequence = 1;
    private Exception? _failure;

    public EmbeddedColdStorage(string folder, EmbeddedOptions options, ILogger<EmbeddedColdStorage> logger)
        : this(new StoreFiles(folder), options, logger)
    {
    }

    internal EmbeddedColdStorage(StoreFiles files, EmbeddedOptions options, ILogger<EmbeddedColdStorage> logger)
    {
        _files = files;
        _options = options;
        _logger = logger;
        _extents = new ExtentReader(files);
    }

    public ValueTask OpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            _files.CreateFolder();
            _lock = StoreLock.Take(_files);
            Recover();
            _background = Task.Run(WorkAsync, CancellationToken.None);
            _work.Release(); // goes on with what an earlier process left
            return ValueTask.CompletedTask;
        }
        catch (Exception failure) when (failure is not BucketsException)
        {
            CloseFiles();
            throw new StoreFailedException(_files.Folder, failure);
        }
        catch
        {
            CloseFiles();
            throw;
        }
    }

    public async ValueTask WriteAsync(StoreWrite write, CancellationToken cancellationToken)
    {
        ThrowIfUnusable();
        cancellationToken.ThrowIfCancellationRequested();
        await WaitForMemtableAsync(cancellationToken);
        await WaitForFoldingAsync(cancellationToken);
        lock (_appending)
            Write(write);
    }

    private void Write(StoreWrite write)
    {
        ThrowIfUnusable();
        if (write.Reset)
            Roll();
        Append(write);
        lock (_gate)
        {
            if (write.Reset)
                Forget();
            foreach (var bucket in _frame.Buckets)
                Index(bucket);
            ApplyRecords(write.Reset ? _kept : null);
            ApplyRecords(write.Records);
            _segmentLength += _frame.Header.Length;
            _sequence++;
        }
        if (write.Reset)
            DropForgotten();
        if (_segmentLength >= _options.SegmentBytes)
            Roll();
        FreezeWhenFull();
    }

    public ValueTask GetAsync(RecordQuery query, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var rest = ArrayPool<int>.Shared.Rent(query.Count);
        try
        {
            int count;
            RunFile[] runs;
            lock (_gate)
            {
                ThrowIfUnusable();
                count = _records.GetFromMemory(query, first: 0, rest);
                runs = _records.SnapshotRuns();
            }
            RecordStore.GetFromRuns(query, rest.AsSpan(0, count), runs);
        }
        finally
        {
            ArrayPool<int>.Shared.Return(rest);
        }
        return ValueTask.CompletedTask;
    }

    public IAsyncEnumerable<StoredRecord> ScanAsync(RecordTable table, ReadOnlyMemory<byte> prefix, CancellationToken cancellationToken) =>
        ScanAsync(table, prefix, after: default, cancellationToken);

    public async IAsyncEnumerable<StoredRecord> ScanAsync(
        RecordTable table, ReadOnlyMemory<byte> prefix, ReadOnlyMemory<byte> after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var from = after.Span.StartsWith(prefix.Span) ? after : prefix;
        List<IEnumerable<RunEntry>> sources;
        lock (_gate)
        {
            ThrowIfUnusable();
            sources = _records.SourcesFor(table, prefix, from);
        }
        foreach (var entry in RunMerge.Merge(sources))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (entry.Record.HasValue && (after.IsEmpty || entry.Record.Key.Span.SequenceCompareTo(after.Span) > 0))
                yield return new StoredRecord(entry.Record.Key, entry.Record.Value);
        }
        await ValueTask.CompletedTask;
    }

    public ValueTask VisitAsync(RecordTable table, RecordVisitor visit, CancellationToken cancellationToken)
    {
        RunFile[] runs;
        TableImage? image;
        lock (_gate)
        {
            ThrowIfUnusable();
            _records.Visit(table, visit);
            runs = _records.SnapshotRuns();
            image = table == ImagedTable && _image?.IsOf(runs) == true ? _image : null;
        }
        var apart = image?.CountApart(runs) ?? runs.Length;
        for (var index = 0; index < runs.Length; index++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (index == apart && TryVisit(image!, visit))
                break;
            runs[index].Visit(table, visit);
        }
        return ValueTask.CompletedTask;
    }

    public async IAsyncEnumerable<BucketOp> ReadAsync(
        string bucket, OpId after, OpId upTo, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var view = ViewOf(bucket);
        for (var index = Extent.FirstEndingAfter(view.Extents, after.Value); index < view.Extents.Count; index++)
        {
            var extent = view.Extents[index];
            if (extent.First > upTo.Value)
                break;
            foreach (var ops in _extents.Read(view.Files[extent.Segment], extent, after.Value, upTo.Value))
            {
                foreach (var op in ops)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    yield return op;
                }
            }
        }
        await ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        if (_failure is null)
            _failure = new ObjectDisposedException(nameof(EmbeddedColdStorage));
        _work.Release();
        await _background.ConfigureAwait(false);
        CloseFiles();
    }

    private void Index(in FrameBucket bucket)
    {
        if (bucket.Count == 0 && bucket.InPlaceOf.IsEmpty)
            return;
        var header = _frame.Header;
        var extent = bucket.Count == 0 ? Extent.None(_segment) : new Extent(
            _segment, _segmentLength + bucket.Offset, bucket.Count, bucket.Crc,
            _segmentLength + FrameFormat.HeaderSize + header.BucketBytes + header.OpBytes + header.RecordBytes, bucket.First, bucket.Last);
        Span<byte> name = stackalloc byte[UsualNameBytes];
        if (!Encoding.UTF8.TryGetBytes(bucket.Name, name, out var length))
            length = Encoding.UTF8.GetBytes(bucket.Name, name = new byte[Encoding.UTF8.GetByteCount(bucket.Name)]);
        _unfolded[^1].InRam!.Add(new IndexedExtent(name[..length], extent, bucket.InPlaceOf));
    }

    private void ApplyRecords(RecordChanges? records)
    {
        for (var index = 0; index < records?.Count; index++)
        {
            var change = records[index];
            _records.Apply(change.Table, change.Key.Span, change.Value is not null, change.Value.GetValueOrDefault().Span);
        }
    }

    private void CloseFiles()
    {
        lock (_gate)
        {
            foreach (var file in _handles.Values)
                file.Dispose();
            _handles = _handles.Clear();
        }
        _lock?.Dispose();
        _lock = null;
    }

    private void ThrowIfUnusable()
    {
        switch (Volatile.Read(ref _failure))
        {
            case null:
                return;
            case ObjectDisposedException:
                throw new ObjectDisposedException(nameof(EmbeddedColdStorage));
            case BucketsException failure:
                throw new StoreFailedException(_files.Folder, failure.InnerException ?? failure);
            case var failure:
                throw new StoreFailedException(_files.Folder, failure);
        }
    }
}
