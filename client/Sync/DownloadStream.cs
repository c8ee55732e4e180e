using System.Buffers;
using System.IO.Pipelines;
using TopGun.Buckets.Client.Connection;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Protocol.Json;

namespace TopGun.Buckets.Client.Sync;

/// <summary>Reads one open stream to its end: gathers lines into batches and has them applied while the next ones arrive.</summary>
/// <remarks>
/// At most two batches are in memory. While both are full nothing is read, so the service is slowed down by the network itself.
/// </remarks>
internal sealed class DownloadStream : IDisposable
{
    /// <summary>Longest a received line waits for company.</summary>
    private static readonly TimeSpan BatchDelay = TimeSpan.FromMilliseconds(250);

    /// <summary>Subscriptions that come within it, as when a screen opens, make one new connection.</summary>
    private static readonly TimeSpan SubscribeDelay = TimeSpan.FromMilliseconds(50);

    /// <summary>Longest line: twice the service's largest row with its escapes.</summary>
    private const int MaximumLineBytes = 128 << 20;

    private readonly CheckpointApplier _applier;
    private readonly CredentialsCache _credentials;
    private readonly TimeProvider _time;
    private readonly Action<ApplyResult> _applied;
    private readonly Signal _streamsChanged;
    private readonly IFaultPoints? _faults;
    private readonly CancellationTokenSource _over;
    private LineBatch _filling = new();
    private LineBatch _spare = new();
    private Task<ApplyResult>? _applying;
    private Task? _renewing;
    private Task? _watching;
    private ITimer? _deadline;
    private TimeSpan _silence;
    private StreamOutcome? _outcome;

    /// <param name="applier">Applies the batches.</param>
    /// <param name="credentials">Renewed when the token nears its end.</param>
    /// <param name="time">The clock.</param>
    /// <param name="applied">Told of every applied batch.</param>
    /// <param name="streamsChanged">Set when the app may want other streams.</param>
    /// <param name="faults">A simulation's.</param>
    /// <param name="cancellationToken">Ends the stream.</param>
    public DownloadStream(
        CheckpointApplier applier, CredentialsCache credentials, TimeProvider time, Action<ApplyResult> applied, Signal streamsChanged,
        IFaultPoints? faults, CancellationToken cancellationToken)
    {
        _faults = faults;
        _applier = applier;
        _credentials = credentials;
        _time = time;
        _applied = applied;
        _streamsChanged = streamsChanged;
        _over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
    }

    /// <summary>Reads until the stream ends or a line asks for its end.</summary>
    /// <param name="lines">The open stream; completed by the caller.</param>
    /// <param name="silence">Time without a byte after which it counts as dead.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public async Task<StreamOutcome> RunAsync(PipeReader lines, TimeSpan silence, CancellationToken cancellationToken)
    {
        var silent = false;
        _silence = silence;
        await using var deadline = _deadline = _time.CreateTimer(
            _ =>
            {
                silent = true;
                _over.Cancel();
            },
            null, silence, Timeout.InfiniteTimeSpan);
        _watching = WatchStreamsAsync();
        try
        {
            while (_outcome is null)
            {
                var read = await ReadAsync(lines);
                deadline.Change(silence, Timeout.InfiniteTimeSpan);
                await TakeLinesAsync(lines, read);
                if (read.IsCompleted && _outcome is null)
                {
                    await FlushAsync();
                    await FinishAsync();
                    _outcome ??= new StreamOutcome(StreamEnd.Ended);
                }
            }
            return _outcome;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            if (silent)
                throw ClientErrors.Silence(silence);
            return _outcome ?? new StreamOutcome(StreamEnd.Ended);
        }
        finally
        {
            _over.Cancel();
            await SettleAsync();
        }
    }

    public void Dispose() => _over.Dispose();

    private async ValueTask<ReadResult> ReadAsync(PipeReader lines)
    {
        var read = lines.ReadAsync(_over.Token);
        if (read.IsCompleted)
            return await read;

        // The network pauses: a good moment to wait for the batch that is being applied, and a bad one to keep lines waiting.
        var reading = read.AsTask();
        try
        {
            await FinishAsync();
            if (_filling.Count > 0 && _outcome is null)
            {
                using var arrived = CancellationTokenSource.CreateLinkedTokenSource(_over.Token);
                await Task.WhenAny(reading, Task.Delay(BatchDelay, _time, arrived.Token));
                arrived.Cancel();
                if (!reading.IsCompleted)
                {
                    await FlushAsync();
                    await FinishAsync();
                }
            }
            if (_outcome is not null)
                _over.Cancel(); // in this thread: CancelAsync would run what hangs on it on another
        }
        catch
        {
            _over.Cancel();
            await IgnoreAsync(reading);
            throw;
        }
        return await reading;
    }

    private async Task TakeLinesAsync(PipeReader lines, ReadResult read)
    {
        var buffer = read.Buffer;
        while (_outcome is null && TryTakeLine(ref buffer, read.IsCompleted, out var line))
        {
            _filling.Add(line);
            var kind = SyncLineReader.KindOf(_filling[_filling.Count - 1]);
            var urgent = kind is not (SyncLineKind.Data or SyncLineKind.Checkpoint or SyncLineKind.CheckpointDiff);
            if (!urgent && _filling.Bytes < LineBatch.FullBytes && _faults?.IsForced(FaultPoint.LinesAppliedOneByOne) != true)
                continue;
            await FlushAsync();
            if (urgent)
                await FinishAsync();
        }
        if (buffer.Length > MaximumLineBytes)
            throw ClientErrors.OutOfOrder($"a line is longer than {MaximumLineBytes >> 20} MiB");
        lines.AdvanceTo(buffer.Start, buffer.End);
    }

    private static bool TryTakeLine(ref ReadOnlySequence<byte> buffer, bool last, out ReadOnlySequence<byte> line)
    {
        while (true)
        {
            if (buffer.PositionOf((byte)'\n') is { } end)
            {
                line = buffer.Slice(0, end);
                buffer = buffer.Slice(buffer.GetPosition(1, end));
            }
            else if (last && !buffer.IsEmpty)
            {
                line = buffer; // the last line may lack its end
                buffer = buffer.Slice(buffer.End);
            }
            else
            {
                line = default;
                return false;
            }
            if (!IsBlank(line))
                return true;
        }
    }

    private static bool IsBlank(in ReadOnlySequence<byte> line)
    {
        foreach (var segment in line)
        {
            if (segment.Span.ContainsAnyExcept((byte)' ', (byte)'\t', (byte)'\r'))
                return false;
        }
        return true;
    }

    /// <summary>Has the gathered lines applied, after those before them.</summary>
    private async Task FlushAsync()
    {
        await FinishAsync();
        if (_filling.Count == 0 || _outcome is not null)
            return;
        if (_faults is not null)
            await _faults.PassAsync(FaultPoint.LinesReceived);
        (_filling, _spare) = (_spare, _filling);
        _applying = _applier.ApplyAsync(_spare, _over.Token);
    }

    /// <summary>Waits for the batch that is being applied and reacts to what it said.</summary>
    private async Task FinishAsync()
    {
        if (_applying is not { } applying)
            return;
        _applying = null;
        // Meanwhile nothing may be read: it is not the service that keeps silent.
        _deadline!.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        var result = await applying;
        if (_faults is not null)
            await _faults.PassAsync(FaultPoint.LinesApplied);
        _spare.Clear();
        _applied(result);
        if (result.Mismatched.Count > 0)
            _outcome = new StreamOutcome(StreamEnd.Mismatch) { Mismatched = result.Mismatched, MismatchRepeats = result.MismatchRepeats };
        else if (result.TokenExpiresIn <= 0)
            _outcome = new StreamOutcome(StreamEnd.TokenExpired);
        else if (result.WantsOtherStreams)
            _outcome = new StreamOutcome(StreamEnd.OtherStreams);
        else if (result.TokenExpiresIn <= 30 && _renewing is null)
            _renewing = RenewAsync();
        await _applier.TidyAsync(_over.Token);
        _deadline.Change(_silence, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Fetches the next token while the stream goes on, then has the stream opened again with it.</summary>
    private async Task RenewAsync()
    {
        try
        {
            if (await _credentials.RenewAsync(_over.Token))
            {
                _outcome ??= new StreamOutcome(StreamEnd.TokenRenewed);
                _over.Cancel();
            }
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            _renewing = null; // the old token still holds; its end is announced once more
        }
    }

    /// <summary>Has the stream opened again once the app wants other streams than this one was opened with.</summary>
    private async Task WatchStreamsAsync()
    {
        try
        {
            do
            {
                await _streamsChanged.WaitAsync(Timeout.InfiniteTimeSpan, _time, _over.Token);
                await Task.Delay(SubscribeDelay, _time, _over.Token);
                _streamsChanged.Reset();
            }
            while (!await _applier.WantsOtherStreamsAsync(_over.Token));
        }
        catch (LocalStoreException)
        {
            // Opening the stream again meets whatever is wrong with the file, and reports it.
        }
        _outcome ??= new StreamOutcome(StreamEnd.OtherStreams);
        _over.Cancel();
    }

    /// <summary>Leaves nothing running that uses the batches.</summary>
    private async Task SettleAsync()
    {
        if (_applying is { } applying)
            await IgnoreAsync(applying);
        if (_renewing is { } renewing)
            await IgnoreAsync(renewing);
        if (_watching is { } watching)
            await IgnoreAsync(watching);
    }

    private static async Task IgnoreAsync(Task task)
    {
        try
        {
            await task;
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            // Its failure is that of the stream, which is already being reported.
        }
    }
}
