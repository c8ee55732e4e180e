using TopGun.Buckets.BucketLog.Evaluation;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.BucketLog;

/// <summary>Gives write checkpoints of which the store knows enough that they are reached whatever happens to their markers.</summary>
/// <remarks>
/// A marker that is lost with the replication slot does not come again. Users of whom the store has a write checkpoint of ours reach theirs all the same,
/// once every table was read again. A user's first, and a number of the client's own, are given when the marker has come back and is stored: whoever is
/// told of one will reach it, and whoever is not asks again.
/// </remarks>
/// <param name="markers">Emits markers.</param>
/// <param name="read">Reads records of the store, which this process writes or another.</param>
/// <param name="time">The clock of all waiting.</param>
public sealed class StoredWriteCheckpoints(
    IWriteCheckpoints markers, Func<RecordQuery, CancellationToken, ValueTask> read, TimeProvider time) : IWriteCheckpoints
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(15); // with the answer below what requests are given, and that below HTTP timeouts
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(250);

    private enum Outcome
    {
        Waits,
        Given,

        /// <summary>Continuity was lost meanwhile; another marker is needed.</summary>
        Outdated,
    }

    public async ValueTask<ulong> RequestAsync(string userKey, ulong? requestedId, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(Deadline, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            if (requestedId is not null && await FindReachedAsync(userKey, requestedId.Value, either.Token) is { } reached)
                return reached;
            while (true)
            {
                var id = await markers.RequestAsync(userKey, requestedId, either.Token);
                if (await FindStoredAsync(userKey, id, isOurs: requestedId is null, either.Token) is { } stored)
                    return stored;
            }
        }
        catch (OperationCanceledException failure) when (!cancellationToken.IsCancellationRequested)
        {
            throw WriteCheckpoints.Unavailable($"its marker did not come back within {Deadline.TotalSeconds:0} s", failure);
        }
    }

    /// <summary>
    /// A number of the client's own that is not above one that was reached needs no marker: a client that has forgotten how far it had counted is told, and
    /// goes on from there. What was reached is no such number when the client was given ours before.
    /// </summary>
    private async ValueTask<ulong?> FindReachedAsync(string userKey, ulong requestedId, CancellationToken cancellationToken)
    {
        var query = new RecordQuery();
        query.Add(RecordTable.WriteCheckpoint, WriteCheckpointRecord.Key(userKey));
        await read(query, cancellationToken);
        return Read(query, 0) is var reached && reached >= requestedId && reached < WriteCheckpoints.FloorOf(epoch: 1) ? reached : null;
    }

    /// <summary>
    /// Waits until the store has what it takes; null when it will not come to that. A client of two numbers at once is told the higher one for the lower, too.
    /// </summary>
    private async ValueTask<ulong?> FindStoredAsync(string userKey, ulong id, bool isOurs, CancellationToken cancellationToken)
    {
        var query = new RecordQuery();
        for (var pause = ShortestPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            query.Clear();
            query.Add(RecordTable.WriteCheckpoint, WriteCheckpointRecord.Key(userKey));
            query.Add(RecordTable.StagedRow, StagedRows.MarkerKey(userKey));
            query.Add(RecordTable.Meta, MetaKey.Replication);
            await read(query, cancellationToken);
            var outcome = Judge(query, id, isOurs);
            if (outcome == Outcome.Given)
                return !isOurs && Reached(query) is var reached && reached < WriteCheckpoints.FloorOf(epoch: 1) ? reached : id;
            if (outcome == Outcome.Outdated)
                return null;
            await Task.Delay(pause, time, cancellationToken);
        }
    }

    private static Outcome Judge(RecordQuery query, ulong id, bool isOurs)
    {
        // An id of an earlier epoch may count as reached before its marker is there.
        if (isOurs && query.TryGetValue(2, out var state) && id < WriteCheckpoints.FloorOf(ReplicationState.Parse(state.Span).Epoch))
            return Outcome.Outdated;
        return Reached(query) >= (isOurs ? WriteCheckpoints.FloorOf(epoch: 1) : id) ? Outcome.Given : Outcome.Waits;
    }

    private static ulong Reached(RecordQuery query) => Math.Max(Read(query, 0), Read(query, 1));

    private static ulong Read(RecordQuery query, int index) =>
        query.TryGetValue(index, out var value) ? WriteCheckpointRecord.ReadId(value.Span) : 0;
}
