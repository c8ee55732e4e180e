using System.Globalization;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Tests.Simulation.Source;

/// <content>The server stops, crashes, and is replaced by a copy.</content>
internal sealed partial class SimPostgres
{
    private readonly List<IReadOnlyList<SimCommit>> _lost = [];

    /// <summary>Which line of history this is: another one after each promotion.</summary>
    public uint Timeline { get; private set; } = 1;

    /// <summary>Where each timeline before this one was left: number, position and reason, a line each.</summary>
    public string TimelineHistory { get; private set; } = "";

    /// <summary>Commits that have been, and are not part of history any more.</summary>
    public IEnumerable<SimCommit> Lost => _lost.SelectMany(commits => commits);

    /// <summary>Told of commits that were lost, before anybody sees it.</summary>
    public event Action<IReadOnlyList<SimCommit>>? HistoryLost;

    /// <summary>What the tables held at a position: on this timeline, and on those that were left behind it.</summary>
    public IEnumerable<SourceState> StatesAt(Lsn position)
    {
        yield return Commits.FindLast(commit => commit.End <= position)?.State ?? SourceState.Empty;
        foreach (var commits in _lost)
        {
            if (commits.LastOrDefault(commit => commit.End <= position) is { } last)
                yield return last.State;
        }
    }

    /// <summary>All that was written is on the disk, and walsenders may send it.</summary>
    public void Flush()
    {
        Flushed = InsertPosition;
        foreach (var slot in Slots.Values)
            slot.Link?.Wake();
    }

    /// <summary>Stops the server: connections break and new ones are refused; transactions that were open are gone, but for those that are prepared.</summary>
    /// <param name="isCrash">Whether what is not on the disk is gone as well.</param>
    public void Stop(bool isCrash)
    {
        IsDown = true;
        CutConnections();
        if (!isCrash)
            Flush();
        EndTransactions(static transaction => transaction.IsPrepared);
        Lose(Flushed);
        _insertPosition = Flushed.Value;
    }

    /// <summary>A standby takes over, which lacks some of the newest commits.</summary>
    /// <param name="commits">How many it lacks.</param>
    /// <param name="keepsSlots">Whether it has the slots, as they were some time ago.</param>
    public void FailOver(int commits, bool keepsSlots)
    {
        CutConnections();
        Flush();
        EndTransactions(static _ => false);
        var position = Commits.Count > commits ? Commits[^(commits + 1)].End : Commits.Count > 0 ? Commits[0].End : InsertPosition;
        Lose(position);
        TimelineHistory += string.Create(CultureInfo.InvariantCulture, $"{Timeline}\t{position}\tno recovery target specified\n");
        Timeline++;
        _insertPosition = position.Value;
        AppendRecord(); // the end of recovery
        Flush();
        if (!keepsSlots)
            Slots.Clear();
        foreach (var slot in Slots.Values)
            slot.FallBack(position);
        Loop.Record("source", "failover", string.Create(CultureInfo.InvariantCulture, $"timeline {Timeline} from {position}"));
    }

    /// <summary>Transactions that run end: those that have committed are shown, and others are rolled back unless they are prepared.</summary>
    private void EndTransactions(Func<SimTransaction, bool> staysOpen)
    {
        foreach (var transaction in RunningTransactions)
        {
            if (transaction.IsCommitted)
                Show(transaction);
            else if (!staysOpen(transaction))
                transaction.Rollback();
        }
    }

    /// <summary>Commits behind a position have not been.</summary>
    private void Lose(Lsn position)
    {
        var lost = Commits.Where(commit => commit.End > position).ToList();
        if (lost.Count == 0)
            return;
        Commits.RemoveRange(Commits.Count - lost.Count, lost.Count);
        _lost.Add(lost);
        State = Commits.Count == 0 ? SourceState.Empty : Commits[^1].State;
        // Rows may lie elsewhere than they did, so that nobody can go on reading where they were.
        foreach (var table in Tables)
            _files[table.Name] = _nextFile++;
        Loop.Record("source", "lost", string.Create(CultureInfo.InvariantCulture, $"{lost.Count} commits behind {position}"));
        HistoryLost?.Invoke(lost);
    }
}
