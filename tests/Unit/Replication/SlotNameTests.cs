using TopGun.Buckets.Replication;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Replication;

public class SlotNameTests
{
    [Fact]
    public void A_plain_database_is_in_the_name_as_it_is()
    {
        Assert.Equal("topgun_app", SlotName.For("app", "topgun"));
        Assert.Equal("topgun_app_mobile", SlotName.For("app", "mobile"));
    }

    [Theory]
    [InlineData("My App")]
    [InlineData("a_database_whose_name_is_as_long_as_postgres_lets_a_name_be_____")]
    public void Any_other_name_becomes_one_that_postgres_accepts(string database)
    {
        var name = SlotName.For(database, "topgun");

        Assert.Matches("^[a-z0-9_]{1,63}$", name);
        Assert.NotEqual(name, SlotName.For(database.ToUpperInvariant(), "topgun"));
        Assert.Equal(name, SlotName.For(database, "topgun"));
    }
}
