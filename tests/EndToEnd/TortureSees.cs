using TopGun.Buckets.Tests.Torture.Checks;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>Each check of the torture is shown a history that should not be, and one that should.</summary>
public sealed class TortureSees : IDisposable
{
    private static readonly string[] Sound =
    [
        """["checkpoint", 100]""", """["heads", "a", 5, "{\"a\":4,\"b\":7}"]""", """["heads", "b", 7, "{\"a\":3,\"b\":6}"]""", """["twins", "a", 5]""",
        """["twins", "b", 7]""", """["sheet", "row-1", 3]""", """["sheet", "row-2", 3]""", """["members", "m", "room-1", "ann"]""",
        """["items", "i", "room-1", "milk", 1]""",
    ];

    private readonly Findings _findings = new();

    [Fact]
    public void Nothing_in_a_sound_history()
    {
        Device().Observe(ShownState.Read(Sound));
        Source().Observe(ShownState.Read(Sound));

        Assert.Equal((Verdict.Passed, 2), (_findings.Verdict, _findings.Checks.Values.Sum()));
    }

    [Theory]
    [InlineData(2, """["heads", "b", 6, "{}"]""", 4, """["twins", "b", 6]""")] // b's 6 without its 7, which a had seen
    [InlineData(4, """["twins", "a", 4]""", 3)] // the twin is one behind
    [InlineData(4, """["sheet", "row-2", 4]""", 6)]
    [InlineData(5, """["items", "i", "room-2", "milk", 1]""", 8)] // of a room of others
    [InlineData(5, """["members", "m", "room-1", "bob"]""", 7)]
    public void What_a_device_must_not_show(int exitCode, string row, int place, string? second = null)
    {
        var rows = Sound.ToArray();
        (rows[second is null ? place : 2], rows[place]) = (row, second ?? row);
        Device().Observe(ShownState.Read(rows));

        Assert.Equal((Verdict)exitCode, _findings.Verdict);
    }

    [Theory]
    [InlineData(0, """["checkpoint", 99]""")]
    [InlineData(1, """["heads", "a", 4, "{}"]""")]
    public void What_goes_back(int place, string row)
    {
        var device = Device();
        device.Observe(ShownState.Read(Sound));
        var rows = Sound.ToArray();
        rows[place] = row;
        device.Observe(ShownState.Read(rows));

        Assert.Equal(Verdict.TimeWentBackwards, _findings.Verdict);
    }

    [Fact]
    public void Uploads_that_overtook_what_their_author_had_seen()
    {
        var rows = Sound.ToArray();
        (rows[2], rows[4]) = ("""["heads", "b", 6, "{}"]""", """["twins", "b", 6]""");
        Source().Observe(ShownState.Read(rows));

        Assert.Equal(Verdict.CausalityInSource, _findings.Verdict);
    }

    [Fact]
    public void An_upload_that_took_effect_twice()
    {
        new EffectChecker(_findings).Observe([("a", 1), ("b", 1), ("a", 2), ("a", 2)]);

        Assert.Equal(Verdict.UploadEffect, _findings.Verdict);
    }

    [Fact]
    public void An_upload_that_was_left_out()
    {
        new EffectChecker(_findings).Observe([("a", 1), ("a", 3)]);

        Assert.Equal(Verdict.CausalityInSource, _findings.Verdict);
    }

    [Fact]
    public void An_upload_that_never_took_effect()
    {
        var effects = new EffectChecker(_findings);
        effects.Observe([("a", 1), ("a", 2)]);
        effects.RequireAll(new Dictionary<string, long> { ["a"] = 2 });
        Assert.Equal(Verdict.Passed, _findings.Verdict);

        effects.RequireAll(new Dictionary<string, long> { ["a"] = 3 });

        Assert.Equal(Verdict.UploadEffect, _findings.Verdict);
    }

    [Theory]
    [InlineData(6, "ann: Operation 5 of bucket heads[] had another content before.")]
    [InlineData(7, "ann: Checkpoint 5 comes after 6: time goes back.")]
    [InlineData(5, "ann: Data of bucket rooms[\"room-2\"] comes, which is not part of the checkpoint.")]
    [InlineData(1, "ann: At checkpoint 5 bucket heads[] should have checksum 1, but has 2.")]
    public void What_is_wrong_on_the_wire(int exitCode, string violation)
    {
        WireChecker.Observe([], _findings);
        Assert.Equal(Verdict.Passed, _findings.Verdict);

        WireChecker.Observe([violation], _findings);

        Assert.Equal((Verdict)exitCode, _findings.Verdict);
    }

    [Fact]
    public void Who_is_stuck_and_with_what()
    {
        var shown = ShownState.Read(Sound);
        var wanted = new Dictionary<string, long> { ["a"] = 5, ["b"] = 8 };
        var idle = new DeviceStatus("Connected", 0, "Nothing", null);

        Assert.False(EndChecker.HasCaughtUp("device", idle, shown, wanted, isTimeUp: false, _findings));
        Assert.True(EndChecker.HasCaughtUp("device", idle, shown, shown.Heads, isTimeUp: true, _findings));
        Assert.Equal(Verdict.Passed, _findings.Verdict);
        Assert.False(EndChecker.HasCaughtUp("device", idle, shown, wanted, isTimeUp: true, _findings));
        Assert.False(EndChecker.HasCaughtUp("device", idle with { Blocked = "WriteCheckpoint" }, shown, shown.Heads, isTimeUp: true, _findings));
        Assert.False(EndChecker.HasCaughtUp("device", idle with { Pending = 1 }, shown, shown.Heads, isTimeUp: true, _findings));

        Assert.Equal([Verdict.DownloadStuck, Verdict.DownloadStuck, Verdict.QueueStuck], _findings.All.Select(found => found.Verdict));
    }

    [Theory]
    [InlineData("""["items", "j", "room-1", "bread", 1]""", true)]
    [InlineData("""["items", "i", "room-1", "milk", 1]""", false)]
    public void Rows_that_are_missing_or_should_not_be_there(string row, bool isMore)
    {
        var expected = ShownState.Read(Sound).Rows;
        var shown = ShownState.Read(isMore ? [.. Sound, row] : Sound.Where(one => one != row)).Rows;
        EndChecker.RequireEqual("device", expected, expected, _findings);
        Assert.Equal(Verdict.Passed, _findings.Verdict);

        EndChecker.RequireEqual("device", expected, shown, _findings);

        Assert.Equal(Verdict.Divergence, _findings.Verdict);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(0, 1)]
    public void A_process_that_grows(long moreBytes, int moreHandles)
    {
        var resources = new ResourceChecker(_findings);
        resources.Observe("service", ResourceChecker.Limit);
        Assert.Equal(Verdict.Passed, _findings.Verdict);

        resources.Observe("service", new ProcessSize(ResourceChecker.Limit.MemoryBytes + moreBytes, ResourceChecker.Limit.Handles + moreHandles));

        Assert.Equal(Verdict.ResourceLimit, _findings.Verdict);
    }

    [Fact]
    public void A_process_that_ended_by_itself_or_badly()
    {
        CrashChecker.RequireRunning("service", hasExited: false, "", _findings);
        CrashChecker.RequireEndedWell("service", exitCode: 0, "", _findings);
        Assert.Equal(Verdict.Passed, _findings.Verdict);

        CrashChecker.RequireRunning("service", hasExited: true, "", _findings);
        CrashChecker.RequireEndedWell("service", exitCode: 134, "", _findings);

        Assert.Equal([Verdict.Crash, Verdict.Crash], _findings.All.Select(found => found.Verdict));
    }

    public void Dispose() => _findings.Dispose();

    private HistoryChecker Device() => new("device", "ann", _findings);

    private HistoryChecker Source() => new("the source", user: null, _findings);
}
