using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

public class FirstSync
{
    [Theory]
    [InlineData("embedded", "memory")]
    [InlineData("embedded", "durable")]
    [InlineData("null", "memory")]
    public async Task Each_user_gets_exactly_the_rows_of_the_lists_it_is_a_member_of(string store, string publish)
    {
        await using var demo = await DemoService.StartAsync(("STORAGE_BACKEND", store), ("TOPGUN_PUBLISH", publish));

        foreach (var user in new[] { "ann", "bob", "nobody" })
        {
            var expected = await demo.ExpectedAsync(user);
            var view = await demo.Connect(user).WaitAsync(_ => true, "a first checkpoint");

            Assert.Equal(expected, DemoService.Shown(view));
        }
    }

    [Fact]
    public async Task Values_arrive_in_their_column_types()
    {
        await using var demo = await DemoService.StartAsync();

        var view = await demo.Connect("ann").WaitForAsync("todos", "title", "Bread");

        var row = view.Rows.Single(row => row.Type == "todos" && row["title"] == "Bread");
        Assert.Contains("\"done\":1", row.Data, StringComparison.Ordinal);
        Assert.Equal(DemoService.SharedList, row["list_id"]);
        Assert.Matches(@"^\d{4}-\d\d-\d\d", row["created_at"]);
    }
}
