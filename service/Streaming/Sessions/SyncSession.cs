using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Streaming.Encodings;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>One client's stream: tells it of checkpoints and sends what they hold, until its token ends or it leaves.</summary>
/// <remarks>
/// One loop that waits, prepares and sends; only the timer and whoever aborts run beside it. What the client was told is changed just
/// before a line is written, so a difference is always relative to what was sent.
/// </remarks>
public sealed class SyncSession
{
    private readonly SessionSettings _settings;
    private readonly ILineEncoding _encoding;
    private readonly GridSubscription _subscription;
    private readonly Membership _membership;
    private readonly IActiveRules _rules;
    private readonly TimeProvider _clock;
    private readonly SyncUser _user;
    private readonly PageLimits _limits;
    private readonly List<BucketWatch> _changed = [];
    private readonly List<SessionBucket> _updated = [];
    private readonly List<string> _removed = [];
    private List<SessionBucket> _pending = [];
    private OpId _upTo;
    private ShownAt _shown;
    private bool _isNews; // and not what the client missed before it connected
    private ulong? _writeCheckpoint;
    private bool _isWriteCheckpointRead; // from the source, where the app's backend counts
    private bool _isFirst = true;
    private bool _areStreamsNew = true;
    private int? _rulesNumber;
    private bool _isOvertaken; // the checkpoint cannot be completed: compaction went past it while it was being read
    private TimeSpan? _heldBackUntil;
    private SessionPulse? _pulse;
    private int _isTokenVoid;
    private Action? _opened;
    private Func<CancellationToken, Task>? _beginResponse;

    /// <summary>A session that begins with <see cref="RunAsync"/>.</summary>
    /// <param name="request">What the client asks for.</param>
    /// <param name="user">Who it is.</param>
    /// <param name="grid">What there is.</param>
    /// <param name="rules">Who gets what.</param>
    /// <param name="encoding">How it is written.</param>
    /// <param name="settings">Times and sizes.</param>
    /// <param name="clock">The time.</param>
    public SyncSession(
        SyncRequest request, SyncUser user, BucketGrid grid, IActiveRules rules, ILineEncoding encoding, SessionSettings settings, TimeProvider clock)
    {
        _settings = settings;
        _encoding = encoding;
        _clock = clock;
        _user = user;
        _limits = new PageLimits(settings.MaxOpsInLine, settings.MaxBytesInLine);
        _subscription = grid.Subscribe(user.KeyFor(request.ClientId));
        _membership = new Membership(_subscription, request, user, settings.EndsWithCheckpoint ? int.MaxValue : settings.FollowedFrom);
        _rules = rules;
    }

    /// <summary>Called when the costly part of the beginning is done, or given up.</summary>
    public Action? Opened
    {
        get => _opened;
        init => _opened = value;
    }

    /// <summary>Operations sent so far.</summary>
    public long OpsSent { get; private set; }

    /// <summary>Whether a checkpoint was announced; before that nothing is known of what the client holds.</summary>
    public bool HasAnnounced => !_isFirst;

    /// <summary>What the client holds once it has taken everything that was sent. Valid when the session has ended and has announced something.</summary>
    public IEnumerable<BucketPosition> Positions => _membership.Buckets.Select(
        bucket => new BucketPosition(bucket.Bucket, bucket.IsPending || bucket.Position > _upTo ? bucket.Position : _upTo));

    /// <summary>Number of buckets; for a look from outside, so it may be that of a moment ago.</summary>
    public int BucketCount => _membership.Buckets.Count;

    /// <summary>The checkpoint that was announced last.</summary>
    public OpId Announced => _upTo;

    /// <summary>Whether the session waits for the next checkpoint or the next point in time.</summary>
    public bool IsIdle => _subscription.IsWaiting;

    /// <summary>Runs the session, through changes of the rules. Ends normally with the token, or when all buckets are built anew.</summary>
    /// <param name="output">Receives the lines.</param>
    /// <param name="beginResponse">Called once if there is nothing to send for a while, so that the client sees that it is connected.</param>
    /// <param name="cancellationToken">Aborts the session.</param>
    /// <exception cref="OperationCanceledException">Aborted.</exception>
    /// <exception cref="SessionStalledException">The client takes nothing.</exception>
    /// <exception cref="BucketLimitException">The client's buckets are more than allowed.</exception>
    /// <exception cref="BucketsException">The store failed.</exception>
    public async Task RunAsync(ILineOutput output, Func<CancellationToken, Task>? beginResponse, CancellationToken cancellationToken)
    {
        _beginResponse = beginResponse;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var stopping = stop.Token.Register(static subscription => ((GridSubscription)subscription!).Wake(), _subscription);
        using var pulse = new SessionPulse(_clock, _settings, _user.ExpiresAt, _subscription.Wake, () => CutOff(stop));
        Interlocked.Exchange(ref _pulse, pulse); // seen by whoever ends the token, or we see that it has ended
        if (Volatile.Read(ref _isTokenVoid) != 0)
            pulse.EndToken();
        var sender = new LineSender(output, _encoding, pulse, stop.Token, cancellationToken);
        try
        {
            while (await LookAsync(sender, pulse, stop.Token) is var next && next != Next.End)
            {
                if (next == Next.Wait)
                {
                    await _subscription.WaitAsync();
                    continue;
                }
                while (!await SendAsync(sender, pulse, stop.Token))
                {
                    // A newer checkpoint took over.
                }
                if (_settings.EndsWithCheckpoint)
                    return;
            }
        }
        catch (GridResetException)
        {
            // The client connects again and finds the new buckets.
        }
        finally
        {
            TellOpened();
            _subscription.Dispose();
            _membership.End();
        }
    }

    /// <summary>
    /// The token counts no more: at most the line that is being written goes out, then the client is told, and the session ends. May be called by
    /// anybody at any time.
    /// </summary>
    public void EndToken()
    {
        Interlocked.Exchange(ref _isTokenVoid, 1);
        Volatile.Read(ref _pulse)?.EndToken();
    }

    /// <summary>Says what is due, and finds out what comes next.</summary>
    /// <remarks>The waiting itself is left to the caller: tens of thousands wait at a time, and what an asynchronous method keeps meanwhile is memory.</remarks>
    private async ValueTask<Next> LookAsync(LineSender sender, SessionPulse pulse, CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        if (pulse.TakeDueLine() is { } line)
        {
            await sender.WriteAsync(line);
            await sender.FlushAsync();
            if (line.Seconds == 0)
                return Next.End;
        }
        if ((_subscription.HasUpdate || pulse.Now >= _heldBackUntil) && await PrepareAsync(pulse, stop))
        {
            TellOpened();
            return Next.Send;
        }

        if (sender.HasFlushed)
            _beginResponse = null;
        if (_beginResponse is not null && pulse.Now >= _settings.HeaderDelay)
        {
            await _beginResponse(stop);
            _beginResponse = null;
        }
        pulse.Arm(Earlier(_beginResponse is null ? null : _settings.HeaderDelay, _heldBackUntil));
        TellOpened();
        return Next.Wait;
    }

    /// <summary>Takes the newest checkpoint and finds out what it changes for this session: true when there is something to tell.</summary>
    private async ValueTask<bool> PrepareAsync(SessionPulse pulse, CancellationToken stop)
    {
        if (_subscription.Take(_changed) is not { } update || IsHeldBack(update, pulse))
            return false;
        var isInsteadOfAnother = _isOvertaken;
        _isOvertaken = false;

        foreach (var bucket in _updated)
            bucket.IsUpdated = false;
        _updated.Clear();
        _removed.Clear();
        if (update.LookupsChanged || update.Rules != _rulesNumber)
        {
            var membership = _membership.Resolve(_rules.Find(update.Rules), areNew: update.Rules != _rulesNumber, update);
            _rulesNumber = update.Rules;
            _areStreamsNew |= membership.AreStreamsNew;
            foreach (var bucket in membership.Altered)
                AddUpdated(bucket);
            foreach (var bucket in membership.Removed)
                _removed.Add(bucket.Bucket);
            foreach (var bucket in membership.Added)
                await AddIfNewsAsync(bucket, isNew: true, update.UpTo, stop);
        }
        _subscription.Release();
        foreach (var watch in _changed)
        {
            if (watch is SessionBucket { IsRemoved: false } bucket)
                await AddIfNewsAsync(bucket, isNew: false, update.UpTo, stop);
        }

        var isOtherCount = _membership.ReadsWriteCheckpoints != _isWriteCheckpointRead;
        _isWriteCheckpointRead = _membership.ReadsWriteCheckpoints;
        var writeCheckpoint = _isWriteCheckpointRead ? ReadWriteCheckpoint(update) : update.WriteCheckpoint;
        if (isOtherCount)
            _writeCheckpoint = null;
        var isNewWriteCheckpoint = writeCheckpoint is { } id && (_writeCheckpoint is null || id > _writeCheckpoint);
        if (!_areStreamsNew && _updated.Count == 0 && _removed.Count == 0 && !isNewWriteCheckpoint && !isInsteadOfAnother)
            return false;
        if (isNewWriteCheckpoint)
            _writeCheckpoint = writeCheckpoint;
        _upTo = update.UpTo;
        _shown = update.Shown;
        return true;
    }

    /// <summary>
    /// Numbers of the app's backend may be far below ours. A client that was given one of ours is told of zero until there is one of the backend's: it would
    /// take its next write for reached before it is.
    /// </summary>
    private ulong? ReadWriteCheckpoint(GridUpdate update) => _membership.ReadWriteCheckpoint ?? (update.WriteCheckpoint is null ? null : 0);

    /// <summary>
    /// A client never goes back: one that was told of operations before the service crashed waits until they have been replayed.
    /// </summary>
    private bool IsHeldBack(GridUpdate update, SessionPulse pulse)
    {
        if (!_isFirst || update.UpTo >= _membership.NewestHeld)
        {
            _heldBackUntil = null;
            return false;
        }
        _heldBackUntil ??= pulse.Now + _settings.ReplayWait;
        if (pulse.Now >= _heldBackUntil)
        {
            var rest = _settings.ReplayWait - (_settings.FollowedFor?.Invoke() ?? _settings.ReplayWait);
            if (rest <= TimeSpan.Zero)
            {
                _heldBackUntil = null;
                return false;
            }
            _heldBackUntil = pulse.Now + rest;
        }
        _subscription.Release();
        _subscription.WakeOnNextCheckpoint();
        return true;
    }

    private async ValueTask AddIfNewsAsync(SessionBucket bucket, bool isNew, OpId upTo, CancellationToken stop)
    {
        var sum = await _subscription.SumAsync(bucket.Bucket, upTo, stop);
        _isOvertaken |= _subscription.IsOvertaken(bucket.Bucket, upTo);
        if (!isNew && sum == bucket.Sent)
            return;
        bucket.Sent = sum;
        AddUpdated(bucket);
        if (bucket.IsPending || bucket.Position >= upTo || sum.Count == 0)
            return;
        bucket.IsPending = true;
        _pending.Add(bucket);
    }

    private void AddUpdated(SessionBucket bucket)
    {
        if (bucket.IsUpdated)
            return;
        bucket.IsUpdated = true;
        _updated.Add(bucket);
    }

    /// <summary>Sends the prepared checkpoint; false when a newer one took over, which is prepared then.</summary>
    private async ValueTask<bool> SendAsync(LineSender sender, SessionPulse pulse, CancellationToken stop)
    {
        if (pulse.IsExpired)
            return true; // which the client is told next
        await sender.WriteAsync(Announcement());
        if (_settings.Faults is { } faults)
            await faults.PassAsync(FaultPoint.Announced);
        _pending.RemoveAll(static bucket => bucket.IsRemoved);
        if (_pending.Count > 1)
            _pending = [.. _pending.OrderBy(static bucket => bucket.Priority)]; // stable: otherwise in the order of announcement
        var sent = 0;
        for (var index = 0; index < _pending.Count; index++)
        {
            var bucket = _pending[index];
            OpPage page;
            do
            {
                var read = _subscription.ReadAsync(bucket.Bucket, bucket.Position, _upTo, LimitsAfter(sent), stop);
                if (!read.IsCompleted)
                    await sender.FlushAsync(); // let the client have what there is while the store is read
                page = await read;
                if (pulse.IsExpired)
                    return true;
                _isOvertaken |= _subscription.IsOvertaken(bucket.Bucket, _upTo);
                if (page.Count > 0)
                {
                    await sender.WriteDataAsync(bucket.Bucket, bucket.Position, page);
                    bucket.Position = page.LastOpId;
                    sent += page.Count;
                    OpsSent += page.Count;
                    if (_settings.Faults is not null)
                        await _settings.Faults.PassAsync(FaultPoint.LineSent);
                }
                bucket.IsPending = page.HasMore || _isOvertaken;
                if (pulse.IsExpired || IsCutOff(sent, page.HasMore || index + 1 < _pending.Count))
                    return true;
                if (pulse.TakeDueLine() is { } line)
                    await sender.WriteAsync(line);
                if ((page.Count > 0 || _isOvertaken) && await CutOverAsync(sent, pulse, stop))
                {
                    _pending.RemoveAll(static bucket => !bucket.IsPending);
                    return false;
                }
            }
            while (page.HasMore);

            if (index + 1 < _pending.Count && _pending[index + 1].Priority > bucket.Priority)
            {
                await sender.WriteAsync(new PartialCheckpointCompleteLine(_upTo, bucket.Priority));
                await sender.FlushAsync();
            }
        }
        _pending.Clear();
        if (_isOvertaken && await PrepareAsync(pulse, stop))
            return false;
        await sender.WriteAsync(new CheckpointCompleteLine(_upTo));
        await sender.FlushAsync();
        if (_isNews)
            _settings.Sent?.Invoke(_shown);
        return true;
    }

    /// <summary>
    /// Whether a newer checkpoint takes over between two lines. It does only if it changes something for this client, which would otherwise
    /// wait for a completion that never comes. A lost bucket is not sent any further. One that compaction has overtaken cannot be completed.
    /// </summary>
    private async ValueTask<bool> CutOverAsync(int sent, SessionPulse pulse, CancellationToken stop)
    {
        if (_isOvertaken)
            return await PrepareAsync(pulse, stop);
        var isTime = sent >= _settings.MinOpsBeforeCutOver ? _subscription.HasUpdate : _subscription.HasLookupUpdate;
        return isTime && await PrepareAsync(pulse, stop);
    }

    private PageLimits LimitsAfter(int sent) =>
        _settings.Faults?.IsForced(FaultPoint.LineIsShort) == true ? _limits with { MaxOps = 1 } :
        _settings.EndsWithCheckpoint ? _limits with { MaxOps = Math.Min(_limits.MaxOps, _settings.MaxOps - sent) } : _limits;

    /// <summary>Whether an answer is as long as it may be, and there is something left for the next one.</summary>
    private bool IsCutOff(int sent, bool hasMore) => hasMore && _settings.EndsWithCheckpoint && sent >= _settings.MaxOps;

    private SyncLine Announcement()
    {
        _isNews = !_isFirst;
        if (!_areStreamsNew)
            return new CheckpointDiffLine(_upTo, _writeCheckpoint, Updated(), _removed.Count == 0 ? [] : [.. _removed]);
        // Streams are told with a whole checkpoint only: the first, and the one at which other rules came into force.
        _isFirst = _areStreamsNew = false;
        // A bucket that the client holds and that has been empty since the source was read anew is left out, so that the client drops what it holds.
        return new CheckpointLine(
            _upTo,
            _writeCheckpoint,
            [.. _membership.Buckets.Where(static bucket => bucket.Sent.Count > 0 || bucket.Position == OpId.None).Select(static bucket => bucket.Description)],
            _membership.Streams);
    }

    // For tens of thousands of sessions at a time.
    private BucketDescription[] Updated()
    {
        var updated = new BucketDescription[_updated.Count];
        for (var index = 0; index < updated.Length; index++)
            updated[index] = _updated[index].Description;
        return updated;
    }

    private void TellOpened()
    {
        var opened = _opened;
        _opened = null; // and what hangs on it is not kept for as long as the client stays
        opened?.Invoke();
    }

    private static void CutOff(CancellationTokenSource stop)
    {
        try
        {
            stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The session ended by itself at the same moment.
        }
    }

    private static TimeSpan? Earlier(TimeSpan? one, TimeSpan? other) => one is null || other < one ? other : one;

    /// <summary>What a session does next.</summary>
    private enum Next
    {
        /// <summary>Sends the checkpoint that was prepared.</summary>
        Send,

        /// <summary>Waits until it is woken.</summary>
        Wait,

        /// <summary>Ends: the token has, and the client knows.</summary>
        End,
    }
}
