using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Replication;

public class HandshakeTests
{
    private static readonly ReplicationState State = new(
        "topgun_app", "731", Timeline: 1, Epoch: 1, SnapshotDone: true, VisibleFrom: new Lsn(150), Tables: [])
    {
        StartPosition = new Lsn(100),
    };

    private static readonly SourceIdentity Identity = new("731", Timeline: 1, new Lsn(300), "app");

    private static readonly SlotStatus Slot = new(
        "topgun_app", "pgoutput", "app", IsActive: false, ActivePid: null, ConfirmedFlush: new Lsn(200), WalStatus: "reserved", SafeWalSize: null);

    [Fact]
    public void A_slot_confirmed_up_to_what_is_stored_can_be_continued_from() =>
        Assert.Null(Find(position: 200));

    [Fact]
    public void A_slot_that_has_not_been_told_yet_can_be_continued_from() =>
        Assert.Null(Find(position: 250));

    [Fact]
    public void A_slot_at_its_consistent_point_can_be_continued_from_before_anything_was_stored() =>
        Assert.Null(Find(position: 0, slot: Slot with { ConfirmedFlush = new Lsn(100) }));

    [Fact]
    public void A_slot_confirmed_beyond_what_is_stored_is_a_gap() =>
        Assert.Contains("confirmed up to 0/C8, beyond 0/C7", Find(position: 199), StringComparison.Ordinal);

    [Fact]
    public void A_slot_advanced_before_anything_was_stored_is_a_gap() =>
        Assert.Contains("confirmed up to", Find(position: 0), StringComparison.Ordinal);

    [Fact]
    public void A_server_that_ends_before_what_is_stored_has_lost_it() =>
        Assert.Contains("WAL ends at 0/12C", Find(position: 301), StringComparison.Ordinal);

    [Fact]
    public void Another_cluster_is_not_continued_from() =>
        Assert.Contains("another cluster", Find(position: 200, identity: Identity with { SystemId = "732" }), StringComparison.Ordinal);

    [Fact]
    public void Another_timeline_is_not_continued_from() =>
        Assert.Contains("timeline 2", Find(position: 200, identity: Identity with { Timeline = 2 }), StringComparison.Ordinal);

    [Theory]
    [InlineData("1\t0/C8\tno recovery target specified\n", null)]
    [InlineData("1\t0/C7\tno recovery target specified\n", "what is stored goes beyond")]
    [InlineData("", "what is stored goes beyond")]
    [InlineData("1\t0/C9\tno recovery target specified\n\n2\t0/CA\tanother\n", null)]
    public void Another_timeline_is_continued_from_when_it_left_ours_after_what_is_stored(string history, string? reason)
    {
        var found = Handshake.FindBreak(
            State, new Lsn(200), Identity with { Timeline = 2 }, Slot, insertPosition: new Lsn(300), history);

        if (reason is null)
            Assert.Null(found);
        else
            Assert.Contains(reason, found, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "max_slot_wal_keep_size")]
    [InlineData("wal_removed", "max_slot_wal_keep_size")]
    [InlineData("idle_timeout", "idle_replication_slot_timeout")]
    [InlineData("wal_level_insufficient", "wal_level")]
    [InlineData("something new", "something new")]
    public void Why_a_slot_was_invalidated_is_said(string? reason, string sentence) => Assert.Contains(
        sentence, Find(position: 200, slot: Slot with { WalStatus = "lost", InvalidationReason = reason }), StringComparison.Ordinal);

    [Fact]
    public void An_invalidated_slot_is_not_continued_from() =>
        Assert.Contains("max_slot_wal_keep_size", Find(position: 200, slot: Slot with { WalStatus = "lost" }), StringComparison.Ordinal);

    [Fact]
    public void A_slot_of_another_plugin_or_database_is_not_ours()
    {
        Assert.Contains("wal2json", Find(position: 200, slot: Slot with { Plugin = "wal2json" }), StringComparison.Ordinal);
        Assert.Contains("'other'", Find(position: 200, slot: Slot with { Database = "other" }), StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_slot_is_not_continued_from() =>
        Assert.Contains("does not exist", Handshake.FindBreak(State, new Lsn(200), Identity, slot: null, new Lsn(300)), StringComparison.Ordinal);

    private static string? Find(ulong position, SourceIdentity? identity = null, SlotStatus? slot = null) =>
        Handshake.FindBreak(State, new Lsn(position), identity ?? Identity, slot ?? Slot, insertPosition: new Lsn(300));
}
