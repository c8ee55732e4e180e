namespace TopGun.Buckets.Replication;

/// <content>Tables that are read again while the stream goes on.</content>
internal sealed partial class ReplicationProgress
{
    /// <summary>Whether every table that is being read has been read to its end, and there is something to end.</summary>
    public bool IsRefreshRead => Started.SnapshotDone
        && (Started.Stale is not null || Started.Leaving.Count > 0 || Started.Tables.Any(table => table.IsStaged))
        && Started.Tables.All(table => !table.IsStaged || table.Done);

    /// <summary>The stored rows of a table may not be its rows.</summary>
    public void MarkStale(uint relationId, string reason, DateTimeOffset now)
    {
        if (Find(relationId) is not { } known || known.Stale?.Reason == reason)
            return;
        Replace(known with { Stale = new Staleness(reason, known.Stale?.Since ?? now) });
        HasNews = true;
    }

    /// <summary>
    /// From now on the stream tells a table's rows apart in another way. What is stored of it is stale, and what has been read of it could not be joined
    /// with the changes that follow.
    /// </summary>
    public void Break(uint relationId, string reason, DateTimeOffset now)
    {
        MarkStale(relationId, reason, now);
        if (Find(relationId) is not { IsStaged: true } table)
            return;
        Restart(table with { IsVoid = true });
        HasNews = true;
    }

    /// <summary>Takes tables up to be read, in the place of those they replace.</summary>
    public void BeginRefresh(IReadOnlyList<TableFinding> findings, DateTimeOffset now)
    {
        var tables = Started.Tables.ToList();
        foreach (var finding in findings)
        {
            var known = tables.Find(table => table.RelationId == finding.Table.Table.RelationId);
            tables.RemoveAll(table => table.RelationId == finding.Replaces && !findings.Any(other => other.Table.Table.RelationId == table.RelationId));
            var begun = Unread(finding.Table) with
            {
                Stale = new Staleness(finding.Reason, known?.Stale?.Since ?? now),
                IsStaged = true,
                Attempt = (known?.Attempt ?? 0) + 1,
            };
            if (known is null)
                tables.Add(begun);
            else
                tables[tables.IndexOf(known)] = begun;
        }
        State = Started with
        {
            Tables = tables,
            Leaving = [.. Started.Leaving.Where(id => !findings.Any(finding => finding.Table.Table.RelationId == id))], // those that came back
        };
    }

    /// <summary>Forgets what was read of a table that is being read, so that it is read from its beginning.</summary>
    public void Restart(TableProgress table) => Replace(table with
    {
        Done = false,
        LastKey = null,
        RowCount = 0,
        File = 0,
        NextBlock = 0,
        EndBlock = 0,
        Attempt = table.Attempt + 1,
    });

    /// <summary>A part of a table was read.</summary>
    /// <returns>Null when it is void, because the reading has begun anew since.</returns>
    public ReplicationState? Advance(TableProgress read)
    {
        if (Find(read.RelationId) is not { IsStaged: true, Done: false } known || known.Attempt != read.Attempt)
            return null;
        return Replace(known with
        {
            Done = read.Done,
            LastKey = read.LastKey,
            RowCount = read.RowCount,
            File = read.File,
            NextBlock = read.NextBlock,
            EndBlock = read.EndBlock,
        });
    }

    /// <summary>All that was read takes the place of what was there.</summary>
    public RefreshEnded EndRefresh()
    {
        var read = Started.Tables.Where(table => table.IsStaged).Select(table => table.RelationId).ToList();
        var left = Started.Leaving;
        State = Started with
        {
            Stale = null,
            Leaving = [],
            Tables = [.. Started.Tables.Select(table => table.IsStaged ? table with { IsStaged = false, Stale = null } : table)],
        };
        return new RefreshEnded(State, read, left);
    }

    /// <summary>Changes were lost: every table is read again under a new slot, and takes the place of what is visible when all have been.</summary>
    public ContinuityLost Reconcile(
        ReplicationState before, ReplicationState started, IReadOnlyList<SourceTableInfo> tables, string reason, DateTimeOffset now)
    {
        var stale = before.Stale ?? new Staleness(reason, now);
        var refreshed = new List<RefreshedTable>();
        var progress = new List<TableProgress>();
        var left = before.Tables.ToList();
        foreach (var table in tables)
        {
            var id = table.Table.RelationId;
            // A server that was restored from a dump knows the tables by other oids: it is their names that stay.
            var known = before.Tables.FirstOrDefault(one => one.RelationId == id);
            var replaced = before.Tables.FirstOrDefault(one => one.Schema == table.Table.Schema && one.Name == table.Table.Name);
            left.RemoveAll(one => one == known || one == replaced);
            refreshed.Add(new RefreshedTable(table.Table, replaced is null || replaced.RelationId == id ? 0 : replaced.RelationId));
            progress.Add(Unread(table) with
            {
                Stale = stale,
                IsStaged = true,
                Attempt = Math.Max(known?.Attempt ?? 0, replaced?.Attempt ?? 0) + 1,
            });
        }
        // What cannot be read now, though it is there, is told of by the next look, and stays as it is until then.
        State = started with
        {
            SnapshotDone = true,
            Stale = stale,
            Tables = progress,
            Leaving = [.. before.Leaving.Concat(left.Select(table => table.RelationId)).Distinct().Where(id => !progress.Exists(table => table.RelationId == id))],
        };
        return new ContinuityLost(State, reason, refreshed);
    }

    /// <summary>Tables are gone.</summary>
    /// <param name="gone">Their oids.</param>
    /// <param name="isExchange">Whether others were begun that may take their places. Then, or while everything is read again, their rows leave with the end of that.</param>
    public SourceEvent Leave(IReadOnlyList<uint> gone, bool isExchange)
    {
        State = Started with { Tables = [.. Started.Tables.Where(table => !gone.Contains(table.RelationId))] };
        foreach (var relationId in gone)
            Relations.Forget(relationId);
        if (Started.Stale is null && !isExchange)
            return new RefreshEnded(State, [], gone);
        State = Started with { Leaving = [.. Started.Leaving, .. gone] };
        return new RefreshStarted(State, []);
    }
}
