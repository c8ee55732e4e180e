using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Replication;

public class SlotBudgetTests
{
    private const long MiB = 1 << 20;

    private static readonly SlotStatus Slot = new(
        "topgun_app", "pgoutput", "app", IsActive: true, ActivePid: 7, ConfirmedFlush: new Lsn(1000 * MiB), WalStatus: "reserved", SafeWalSize: 60 * MiB)
    {
        RestartPosition = new Lsn(990 * MiB),
        HeldBytes = 40 * MiB,
    };

    [Fact]
    public void What_is_held_and_what_is_left_make_the_limit()
    {
        var budget = SlotBudget.Of(Slot);

        Assert.Equal(new SlotBudget(40 * MiB, 100 * MiB), budget);
        Assert.Equal(0.4, budget.Used);
    }

    [Theory]
    [InlineData(60L, 60L)]
    [InlineData(200L, 100L)]
    public void The_lower_of_two_limits_counts(long own, long limit) =>
        Assert.Equal(limit * MiB, SlotBudget.Of(Slot, own * MiB).LimitBytes);

    [Fact]
    public void Nothing_is_used_up_where_nothing_limits()
    {
        var budget = SlotBudget.Of(Slot with { SafeWalSize = null });

        Assert.Equal(0, budget.Used);
        Assert.Null(budget.Since(heldBefore: 0, TimeSpan.FromSeconds(1)).Left);
        Assert.Equal("holds back 40 MiB of WAL, without a limit", budget.ToString());
    }

    [Fact]
    public void A_slot_beyond_its_limit_has_used_all_of_it() =>
        Assert.Equal(1, SlotBudget.Of(Slot with { SafeWalSize = -60 * MiB }).Used);

    [Fact]
    public void The_pace_so_far_tells_the_time_that_is_left()
    {
        var budget = SlotBudget.Of(Slot).Since(heldBefore: 30 * MiB, TimeSpan.FromMinutes(1));

        Assert.Equal(TimeSpan.FromMinutes(6), budget.Left);
        Assert.Equal("holds back 40 MiB of WAL, 40 % of the 100 MiB that it may; at the present pace the rest lasts 6 minutes", budget.ToString());
        Assert.Null(SlotBudget.Of(Slot).Since(heldBefore: 40 * MiB, TimeSpan.FromMinutes(1)).Left);
    }

    [Theory]
    [InlineData(990L, false)]
    [InlineData(1000L, false)]
    [InlineData(1030L, true)]
    public void A_slot_confirmed_far_beyond_what_it_holds_is_held_by_a_transaction(long confirmed, bool isHeld) =>
        Assert.Equal(isHeld, (Slot with { ConfirmedFlush = new Lsn((ulong)(confirmed * MiB)) }).IsHeldByTransaction);
}
