using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Replication;

/// <content>What is found out beside the stream, and what the stream says of tables that are being read.</content>
internal sealed partial class WalStream
{
    // An application that changes definitions all the time, or whoever forges the message that tells of it, must not hold the stream up for long.
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    private readonly Queue<Errand> _arrived = [];
    private readonly Dictionary<uint, SourceTable> _waiting = []; // definitions of tables that are not followed yet: they are sent only once
    private readonly List<uint> _truncated = []; // by the transaction being received
    private bool _wantsLook;
    private long _lookedAt; // for what the trigger said

    /// <summary>The event trigger says that a definition changed in this transaction.</summary>
    private void NoteDefinition()
    {
        if (_isKnown)
            return;
        if (_lookedAt != 0 && _time.GetElapsedTime(_lookedAt) < LookInterval)
        {
            _progress.Wishes.Hurry();
            return;
        }
        _wantsLook = true;
        _lookedAt = _time.GetTimestamp();
    }

    /// <summary>Looks into the catalogue while the stream waits, so that what is stale is marked before anything else is shown.</summary>
    private async ValueTask LookAsync(CancellationToken cancellationToken)
    {
        _wantsLook = false;
        await using var session = await _source.OpenSessionAsync(cancellationToken);
        var look = await _watch.LookAsync(session, cancellationToken);
        if (look.Failure is not null)
            throw look.Failure;
        _progress.Remember(look.Sound);
        var now = _time.GetUtcNow();
        foreach (var finding in look.Tables)
            _progress.MarkStale(finding.Table.Table.RelationId, finding.Reason, now);
        _monitor.Note(_progress.Started);
        if (look.HasFindings)
            await _errands.HandInAsync(session, look, cancellationToken);
    }

    private IEnumerable<SourceEvent> See(Errand errand) => errand switch
    {
        SourceLook look => See(look),
        RefreshChunk chunk => See(chunk),
        _ => throw new ArgumentException($"An errand of type {errand.GetType().Name} is not known.", nameof(errand)),
    };

    private IEnumerable<SourceEvent> See(SourceLook look)
    {
        var now = _time.GetUtcNow();
        foreach (var (relationId, reason) in look.Refused)
            _progress.MarkStale(relationId, reason, now);
        if (look.Refused.Count > 0)
            yield return new RefreshEnded(_progress.Started, [], []) { Refused = [.. look.Refused.Select(one => one.RelationId)] };
        // What has been begun since the look is not begun again for the same reason.
        var findings = look.Tables.Where(finding => (_progress.Find(finding.Table.Table.RelationId)?.Attempt ?? -1) == finding.Attempt).ToList();
        if (findings.Count > 0)
        {
            _progress.BeginRefresh(findings, now);
            foreach (var finding in findings)
            {
                if (finding.Replaces != 0 && _progress.Find(finding.Replaces) is null)
                    _relations.Forget(finding.Replaces);
                if (_waiting.Remove(finding.Table.Table.RelationId, out var defined))
                    _relations.Learn(Take(defined, finding.Table.Table, withKey: defined.Identity == ReplicaIdentity.Full));
            }
            yield return new RefreshStarted(
                _progress.Started, [.. findings.Select(finding => new RefreshedTable(finding.Table.Table, finding.Replaces))]);
            _reader.Wake();
        }
        var left = look.Left.Where(relationId => _progress.Find(relationId) is not null).ToList();
        if (left.Count > 0)
            yield return _progress.Leave(left, isExchange: findings.Count > 0);
        _monitor.Note(_progress.Started);
        if (_progress.IsRefreshRead)
            yield return _progress.EndRefresh();
    }

    private IEnumerable<SourceEvent> See(RefreshChunk chunk)
    {
        if (_progress.Advance(chunk.Progress) is not { } state)
            yield break;
        yield return new RefreshRows(state, chunk.Table, chunk.Rows);
        if (_progress.IsRefreshRead)
            yield return _progress.EndRefresh();
    }

    /// <summary>Tables that were truncated while they are being read are read from their beginnings: rows on their way here may be gone.</summary>
    private bool Restart()
    {
        var hasRestarted = false;
        foreach (var relationId in _truncated)
        {
            if (_progress.Find(relationId) is not { IsStaged: true } table)
                continue;
            _progress.Restart(table);
            hasRestarted = true;
        }
        if (hasRestarted)
            _reader.Wake();
        return hasRestarted;
    }
}
