using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.Tests.Simulation.Source;

/// <summary>One walsender.</summary>
/// <remarks>
/// After <see cref="StartAsync"/> it sends every transaction whose commit record starts at or after the slot's confirmed position, each whole, in
/// commit order; in between keepalives with the position up to which it has decoded.
/// </remarks>
internal sealed class SimReplicationLink(SimPostgres server) : SimConnection(server), IReplicationLink
{
    private readonly Queue<WalMessage> _arrived = new();
    private readonly HashSet<uint> _knownRelations = [];
    private SimSlot? _slot;
    private HashSet<string> _published = [];
    private int _nextCommit;
    private Lsn _decoded;
    private byte[]? _handedOut;
    private TaskCompletionSource? _wake;

    public async ValueTask<SourceIdentity> IdentifyAsync(CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        return new SourceIdentity("7300000000000000001", Server.Timeline, Server.Flushed, "app");
    }

    public async ValueTask<string> ReadTimelineHistoryAsync(uint timeline, CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        return Server.TimelineHistory;
    }

    public async ValueTask<Lsn> CreateSlotAsync(string slot, CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        if (Server.Slots.ContainsKey(slot))
            throw new BucketsException("TGB1102", $"The slot {slot} exists already.", "Drop it first.");
        // Logical decoding starts where no transaction is half-way, so creation waits for all that are open.
        var running = Server.RunningTransactions;
        while (running.Intersect(Server.RunningTransactions).Any())
            await TravelAsync(cancellationToken);
        Server.Flush();
        var created = new SimSlot(slot, Server.InsertPosition);
        Server.Slots.Add(slot, created);
        Server.OnSlotCreated(created.ConfirmedFlush);
        Server.Loop.Record("source", "slot", $"{slot} created at {created.ConfirmedFlush}");
        await TravelAsync(cancellationToken);
        return created.ConfirmedFlush;
    }

    public async ValueTask StartAsync(string slot, string publication, CancellationToken cancellationToken)
    {
        await TravelAsync(cancellationToken);
        if (!Server.Slots.TryGetValue(slot, out _slot))
            throw new BucketsException("TGB1102", $"The slot {slot} does not exist.", "Let the service take a new snapshot.");
        if (_slot.Link is not null)
            throw new BucketsException("TGB1110", $"The slot {slot} is active for another process.", "Wait until that has gone.");
        _slot.Link = this;
        _published = Server.Publications.GetValueOrDefault(publication, []);
        _decoded = _slot.ConfirmedFlush;
        _nextCommit = Server.Commits.FindIndex(commit => commit.Start >= _slot.ConfirmedFlush);
        if (_nextCommit < 0)
            _nextCommit = Server.Commits.Count;
        Server.Loop.Record("source", "walsender", $"starts at {_slot.ConfirmedFlush}");
    }

    public async ValueTask<WalMessage> ReadAsync(CancellationToken cancellationToken)
    {
        // What was handed out before is void now; whoever still looks at it shall notice.
        _handedOut?.AsSpan().Fill(0xDD);
        while (_arrived.Count == 0)
        {
            ThrowIfCut();
            await ReceiveAsync(cancellationToken);
        }
        if (Server.Random.Chance(0.02))
            await TravelAsync(cancellationToken);
        ThrowIfCut();
        var message = _arrived.Dequeue();
        _handedOut = message.Data.ToArray();
        return message with { Data = _handedOut };
    }

    public async ValueTask SendStatusAsync(Lsn flushed, CancellationToken cancellationToken)
    {
        ThrowIfCut();
        Server.OnAcknowledged(flushed);
        Server.Loop.Record("source", "status", flushed.ToString());
        var slot = _slot;
        await TravelAsync(cancellationToken);
        slot?.Confirm(flushed, Server.Random);
    }

    public override void Cut()
    {
        base.Cut();
        if (_slot?.Link == this)
            _slot.Link = null;
        Wake();
    }

    /// <summary>There may be something to send.</summary>
    public void Wake() => _wake?.TrySetResult();

    private bool HasNext => _nextCommit < Server.Commits.Count && Server.Commits[_nextCommit].End <= Server.Flushed;

    private async Task ReceiveAsync(CancellationToken cancellationToken)
    {
        if (HasNext)
        {
            await TravelAsync(cancellationToken);
            // Several small transactions may have come in one packet.
            for (var packet = Server.Random.Between(1, 3); packet > 0 && HasNext; packet--)
                Decode(Server.Commits[_nextCommit++]);
            return;
        }
        if (_decoded < Server.Flushed)
        {
            // Caught up, but the log has moved on without anything for us.
            _decoded = Server.Flushed;
            _arrived.Enqueue(new WalMessage(_decoded, _decoded, default));
            return;
        }
        await WaitAsync(cancellationToken);
        if (!HasNext)
            _arrived.Enqueue(new WalMessage(_decoded, _decoded, default));
    }

    /// <summary>Until something commits, or a keepalive is due.</summary>
    private async Task WaitAsync(CancellationToken cancellationToken)
    {
        // One signal for all reasons: combining tasks would go on from the thread pool.
        var wake = _wake = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var due = Server.Loop.Schedule(Server.Loop.World, TimeSpan.FromSeconds(5), "keepalive", () => wake.TrySetResult());
        using (cancellationToken.Register(() => wake.TrySetResult()))
            await wake.Task;
        due.Cancel();
        cancellationToken.ThrowIfCancellationRequested();
        ThrowIfCut();
    }

    private void Decode(SimCommit commit)
    {
        _decoded = commit.End;
        var changes = commit.Changes.Where(IsSent).ToList();
        if (changes.Count == 0)
            return; // since version 15 an empty transaction sends nothing
        Send(changes[0].Position, PgOutputWriter.Begin(commit));
        foreach (var change in changes)
        {
            // A table that was truncated has another file, and is described anew.
            if (change.Kind == SimChangeKind.Truncate)
                _knownRelations.ExceptWith(change.Tables.Select(table => table.Table.RelationId));
            foreach (var table in change.Tables.Where(table => _published.Contains(table.Name)))
            {
                // A relation message carries no position of its own.
                if (_knownRelations.Add(table.Table.RelationId))
                    Send(Lsn.None, PgOutputWriter.Relation(table.Table));
            }
            Send(change.Position, Encode(change));
        }
        Send(commit.End, PgOutputWriter.Commit(commit));
    }

    private bool IsSent(SimChange change) =>
        change.Kind == SimChangeKind.Message || change.Tables.Any(table => _published.Contains(table.Name));

    private byte[] Encode(SimChange change) => change.Kind switch
    {
        SimChangeKind.Insert => PgOutputWriter.Insert(change.Tables[0], change.NewRow!),
        SimChangeKind.Update => PgOutputWriter.Update(change.Tables[0], change.OldRow!, change.NewRow!),
        SimChangeKind.Delete => PgOutputWriter.Delete(change.Tables[0], change.OldRow!),
        SimChangeKind.Truncate => PgOutputWriter.Truncate([.. change.Tables.Where(table => _published.Contains(table.Name))]),
        SimChangeKind.Message => PgOutputWriter.Message(change, isTransactional: true),
        _ => throw new InvalidOperationException(change.Kind.ToString()),
    };

    private void Send(Lsn position, byte[] data)
    {
        Server.Loop.Record("walsender", position.ToString(), data);
        _arrived.Enqueue(new WalMessage(position, position, data));
    }
}
