using System.Threading.Tasks.Sources;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Grid;

/// <summary>One session's view of the grid: it names buckets, lookups and a user, and is woken when a checkpoint changes any of them.</summary>
/// <remarks>
/// Used by one session at a time; <see cref="Wake"/> may be called by anybody. An idle subscription costs nothing for checkpoints that do not
/// concern it. Changes are never queued: whatever happened since <see cref="Take"/> is one update.
/// </remarks>
public sealed class GridSubscription : IValueTaskSource, IDisposable
{
    private readonly BucketGrid _grid;
    private ManualResetValueTaskSourceCore<bool> _wait = new() { RunContinuationsAsynchronously = true }; // one for all waits: there are tens of thousands of subscriptions

    internal GridSubscription(BucketGrid grid, string userKey, int generation)
    {
        _grid = grid;
        UserKey = userKey;
        Generation = generation;
    }

    internal string UserKey { get; }

    internal int Generation { get; }

    // Guarded by the grid's lock.
    internal List<BucketWatch> Changed { get; } = [];

    internal HashSet<string> Lookups { get; set; } = [];

    internal OpId LookupsChangedAt { get; set; }

    internal bool HasLookupChange { get; set; }

    internal LookupDeltas LookupDeltas { get; } = new();

    internal bool IsDirty { get; set; }

    /// <summary>Rules of the checkpoint that was taken last; null before the first.</summary>
    internal int? Rules { get; set; }

    /// <summary>Whether it is listed to be woken by the next visible checkpoint, whatever that holds.</summary>
    internal bool IsBehind { get; set; }

    internal bool IsWoken { get; set; }

    internal bool IsEnded { get; set; }

    /// <summary>Whether a wait has begun that nobody has ended; who sets it back ends the wait, once, without the lock.</summary>
    internal bool IsWaitedFor { get; set; }

    internal int IndexInUser { get; set; }

    internal CheckpointPins.Pin? Pin { get; set; }

    /// <summary>Whether <see cref="Take"/> has something new to give.</summary>
    public bool HasUpdate => _grid.HasUpdate(this);

    /// <summary>Whether a lookup that is watched has changed since the last <see cref="Take"/>, or other rules are in force.</summary>
    public bool HasLookupUpdate => _grid.HasLookupUpdate(this);

    /// <summary>Whether somebody waits for an update.</summary>
    public bool IsWaiting => _grid.IsWaiting(this);

    /// <summary>Waits until there is an update, or <see cref="Wake"/> is called.</summary>
    /// <exception cref="GridResetException">All buckets are void.</exception>
    public ValueTask WaitAsync() => _grid.WaitAsync(this);

    /// <summary>Ends the wait that is under way, or the next one.</summary>
    public void Wake() => _grid.Wake(this);

    /// <summary>Counts the next visible checkpoint as an update, even if it changes nothing that is watched.</summary>
    public void WakeOnNextCheckpoint() => _grid.WakeOnNextCheckpoint(this);

    /// <summary>
    /// The newest checkpoint and what it changed for this subscription; null when nothing is visible yet. The checkpoint stays readable by
    /// <see cref="Lookup"/> until <see cref="Release"/>.
    /// </summary>
    /// <param name="changed">Receives the watches whose buckets may have changed.</param>
    /// <exception cref="GridResetException">All buckets are void.</exception>
    public GridUpdate? Take(List<BucketWatch> changed) => _grid.Take(this, changed);

    /// <summary>Live records of a lookup key at the checkpoint that was taken last.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Lookup(string key) => _grid.Lookup(this, key);

    /// <summary>Tells that <see cref="Lookup"/> will not be called until the next <see cref="Take"/>.</summary>
    public void Release() => _grid.Release(this);

    /// <summary>
    /// Begins to watch buckets. What changed in them after <paramref name="asOf"/> counts as an update. Each has to be given to
    /// <see cref="Unwatch"/> in the end, which may be after <see cref="Dispose"/>.
    /// </summary>
    public void Watch(IReadOnlyList<BucketWatch> watches, OpId asOf) => _grid.Watch(this, watches, asOf);

    /// <summary>Stops watching buckets.</summary>
    public void Unwatch(IReadOnlyList<BucketWatch> watches) => _grid.Unwatch(this, watches);

    /// <summary>Watches exactly these lookups from now on. What changed in them after <paramref name="asOf"/> counts as an update.</summary>
    public void WatchLookups(IReadOnlyCollection<string> keys, OpId asOf) => _grid.WatchLookups(this, keys, asOf);

    /// <summary>Watches some lookups more, and some no more. What changed in the added ones after <paramref name="asOf"/> counts as an update.</summary>
    public void WatchOtherLookups(IReadOnlyCollection<string> added, IReadOnlyCollection<string> removed, OpId asOf) =>
        _grid.WatchOtherLookups(this, added, removed, asOf);

    /// <summary>Totals of a bucket at a position that is visible.</summary>
    /// <exception cref="GridResetException">All buckets are void.</exception>
    public ValueTask<BucketSum> SumAsync(string bucket, OpId upTo, CancellationToken cancellationToken) =>
        CheckAsync(_grid.SumAsync(bucket, upTo, Generation, cancellationToken));

    /// <summary>Reads some of a bucket's operations with <c>after &lt; OpId ≤ upTo</c> in ascending order.</summary>
    /// <exception cref="GridResetException">All buckets are void.</exception>
    public ValueTask<OpPage> ReadAsync(
        string bucket, OpId after, OpId upTo, PageLimits limits, CancellationToken cancellationToken) =>
        CheckAsync(_grid.ReadAsync(bucket, after, upTo, limits, Generation, cancellationToken));

    // A bucket may have been dropped while it was read, and what was read looks as if there were nothing more.
    private ValueTask<T> CheckAsync<T>(ValueTask<T> read)
    {
        if (!read.IsCompletedSuccessfully)
            return AwaitAsync(read);
        _grid.ThrowIfSentAway(this);
        return read;
    }

    private async ValueTask<T> AwaitAsync<T>(ValueTask<T> read)
    {
        var result = await read;
        _grid.ThrowIfSentAway(this);
        return result;
    }

    /// <summary>
    /// Whether compaction made a bucket unreadable at a checkpoint that is not the newest any more: what was read is right as far as it goes, but
    /// the checkpoint cannot be completed by it. To be asked after reading.
    /// </summary>
    public bool IsOvertaken(string bucket, OpId upTo) => _grid.IsOvertaken(bucket, upTo);

    /// <summary>Ends the subscription.</summary>
    public void Dispose() => _grid.End(this);

    internal ValueTask BeginWait()
    {
        _wait.Reset();
        return new ValueTask(this, _wait.Version);
    }

    internal void EndWait() => _wait.SetResult(true);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _wait.GetStatus(token);

    void IValueTaskSource.GetResult(short token) => _wait.GetResult(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _wait.OnCompleted(continuation, state, token, flags);
}

/// <summary>What a subscription is told.</summary>
/// <param name="UpTo">The newest visible checkpoint: its last operation.</param>
/// <param name="WriteCheckpoint">The highest write checkpoint of the user key that it covers, if any.</param>
/// <param name="LookupsChanged">Whether a watched lookup may have changed.</param>
public readonly record struct GridUpdate(OpId UpTo, ulong? WriteCheckpoint, bool LookupsChanged)
{
    /// <summary>
    /// What changed in the watched lookups, in any order, between the checkpoint as of which they are watched, or that was taken before, and this one;
    /// null when it was too much to remember.
    /// </summary>
    public IReadOnlyList<LookupDelta>? Lookups { get; init; } = [];

    /// <summary>When the last batch of the checkpoint came.</summary>
    public ShownAt Shown { get; init; }

    /// <summary>Number of the rules that name the buckets at this checkpoint.</summary>
    public int Rules { get; init; }
}

/// <summary>When a batch could be seen.</summary>
/// <param name="Timestamp">By the grid's clock.</param>
/// <param name="CommitTimeMicroseconds">When the source committed it, since 2000-01-01 UTC, by the source's clock; 0 when no commit stands behind it.</param>
public readonly record struct ShownAt(long Timestamp, long CommitTimeMicroseconds);
