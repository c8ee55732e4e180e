using TopGun.Buckets.Replication;
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

    private static List<DoctorFinding> Errors(ServerSettings settings) =>
        [.. SourceChecks.OfServer(settings, needsSlot: true).Where(finding => finding.Severity == FindingSeverity.Error)];
}
