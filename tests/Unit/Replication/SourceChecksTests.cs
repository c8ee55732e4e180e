using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Replication;

public class SourceChecksTests
{
    private static readonly ServerSettings Good = new(150004, new Dictionary<string, string>
    {
        ["wal_level"] = "logical",
        ["max_replication_slots"] = "10",
        ["max_wal_senders"] = "10",
        ["DateStyle"] = "ISO, MDY",
        ["TimeZone"] = "UTC",
    });

    [Fact]
    public void A_good_server_has_no_errors() => Assert.Empty(Errors(Good));

    [Fact]
    public void A_pooler_that_drops_our_settings_is_noticed()
    {
        var error = Assert.Single(Errors(Good with { Values = new Dictionary<string, string>(Good.Values) { ["TimeZone"] = "Asia/Tokyo" } }));

        Assert.Contains("TimeZone is 'Asia/Tokyo'", error.Sentence, StringComparison.Ordinal);
        Assert.Contains("PgBouncer", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void A_server_without_room_or_too_old_or_a_standby_is_refused()
    {
        Assert.Contains("no room for a replication slot: all 10", Assert.Single(Errors(Good with { FreeSlots = 0 })).Sentence, StringComparison.Ordinal);
        Assert.Contains("no room for a walsender", Assert.Single(Errors(Good with { FreeWalSenders = 0 })).Sentence, StringComparison.Ordinal);
        Assert.Contains("version 13", Assert.Single(Errors(Good with { Version = 130011 })).Sentence, StringComparison.Ordinal);
        var standby = Assert.Single(Errors(Good with { IsStandby = true }));
        Assert.Contains("standby", standby.Sentence, StringComparison.Ordinal);
        Assert.Equal("TGB1101", standby.Code); // it may be promoted in a moment
    }

    [Fact]
    public void A_partition_that_comes_under_its_roots_name_is_told_of_unless_the_root_is_followed()
    {
        var root = Info("event") with { IsPartitioned = true };
        var part = Info("event_1") with { IsPublished = false, PublishedRoot = new TablePattern("public", "event") };

        var alone = Assert.Single(OfTables(part));
        Assert.Equal("TGB1112", alone.Code);
        Assert.Contains("under the name of 'public.event'", alone.Sentence, StringComparison.Ordinal);
        Assert.Contains("SET (publish_via_partition_root = false)", alone.Remedy, StringComparison.Ordinal);
        Assert.Empty(OfTables(root, part));
        Assert.Equal(2, OfTables(root with { CanSelect = false }, part).Count); // or the partition's rows would leave, and none would come
    }

    [Fact]
    public void What_is_to_be_done_about_a_table_is_said_by_its_problem()
    {
        var finding = Assert.Single(OfTables(Info("lists") with { Problem = "it is unlogged", Remedy = "ALTER TABLE lists SET LOGGED;" }));

        Assert.Equal("ALTER TABLE lists SET LOGGED; or take the table out of the sync rules.", finding.Remedy);
    }

    private static List<DoctorFinding> OfTables(params SourceTableInfo[] tables) =>
        [.. SourceChecks.OfTables("topgun", new PublicationStatus("topgun", true, true, true, true, ViaRoot: true, []), [], tables).Where(finding => finding.Severity == FindingSeverity.Error)];

    private static SourceTableInfo Info(string name) => new(
        new SourceTable(1, "public", name, [new SourceColumn("id", 23, -1, IsKey: true)], ReplicaIdentity.Default),
        EstimatedRows: 1, IsPublished: true, CanSelect: true, HasRowSecurity: false, RowFilter: null, Problem: null);

    private static List<DoctorFinding> Errors(ServerSettings settings) =>
        [.. SourceChecks.OfServer(settings, needsSlot: true).Where(finding => finding.Severity == FindingSeverity.Error)];
}
