using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Replication;

/// <summary>When the rows of tables that are gone leave, while others are read.</summary>
public class TablesLeaveTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch;

    [Fact]
    public void A_table_whose_place_another_takes_leaves_when_that_has_been_read()
    {
        var progress = Following(Info(1, "event"));
        progress.BeginRefresh([Finding(Info(2, "event_1"))], Now);

        Assert.IsType<RefreshStarted>(progress.Leave([1], isExchange: true));
        Assert.False(progress.IsRefreshRead);
        progress.Advance(progress.Find(2)! with { Done = true });

        Assert.True(progress.IsRefreshRead);
        var ended = progress.EndRefresh();
        Assert.Equal([2u], ended.Read);
        Assert.Equal([1u], ended.Left);
        Assert.False(progress.IsRefreshRead);
    }

    [Fact]
    public void A_table_that_is_gone_while_nothing_takes_its_place_leaves_at_once()
    {
        var progress = Following(Info(1, "event"));

        Assert.Equal([1u], Assert.IsType<RefreshEnded>(progress.Leave([1], isExchange: false)).Left);
    }

    [Fact]
    public void It_leaves_although_what_was_read_in_its_place_is_gone_as_well()
    {
        var progress = Following(Info(1, "event"));
        progress.BeginRefresh([Finding(Info(2, "event_1"))], Now);
        progress.Leave([1], isExchange: true);

        progress.Leave([2], isExchange: false);

        Assert.True(progress.IsRefreshRead);
        Assert.Equal([1u], progress.EndRefresh().Left);
    }

    [Fact]
    public void A_table_that_comes_back_before_it_has_left_stays()
    {
        var progress = Following(Info(1, "event"));
        progress.BeginRefresh([Finding(Info(2, "event_1"))], Now);
        progress.Leave([1], isExchange: true);

        progress.BeginRefresh([Finding(Info(1, "event"))], Now);
        foreach (var table in progress.Started.Tables)
            progress.Advance(table with { Done = true });

        var ended = progress.EndRefresh();
        Assert.Empty(ended.Left);
        Assert.Equal([2u, 1u], ended.Read);
    }

    [Fact]
    public void So_it_does_when_everything_is_read_again_meanwhile()
    {
        var progress = Following(Info(1, "event"), Info(2, "other"));
        progress.BeginRefresh([Finding(Info(3, "event_1"))], Now);
        progress.Leave([1, 2], isExchange: true);

        var lost = progress.Reconcile(progress.Started, progress.Started with { Epoch = 2 }, [Info(1, "event")], "the slot is gone", Now);

        Assert.Equal([2u, 3u], lost.State!.Leaving.Order());
    }

    private static ReplicationProgress Following(params SourceTableInfo[] tables) => new(
        new ReplicationState(
            "slot", "system", 1, 1, SnapshotDone: true, VisibleFrom: default, [.. tables.Select(table => ReplicationProgress.Unread(table) with { Done = true })]),
        new Lsn(100),
        new SourceWishes([]));

    private static TableFinding Finding(SourceTableInfo table) => new(table, "is new", Replaces: 0, Attempt: -1);

    private static SourceTableInfo Info(uint id, string name) => new(
        new SourceTable(id, "public", name, [new SourceColumn("id", 23, -1, IsKey: true)], ReplicaIdentity.Default),
        EstimatedRows: 1, IsPublished: true, CanSelect: true, HasRowSecurity: false, RowFilter: null, Problem: null);
}
