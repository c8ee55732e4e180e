using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

public class MembershipChanges
{
    [Fact]
    public async Task A_bucket_comes_and_goes_on_an_open_stream_with_the_row_that_grants_it()
    {
        await using var demo = await DemoService.StartAsync();
        var bob = demo.Connect("bob");
        await bob.WaitForAsync("todos", "title", "Milk");

        await demo.Database.ExecuteAsync(
            $"INSERT INTO members (id, list_id, user_id) VALUES (gen_random_uuid(), '{DemoService.AnnsList}', 'bob')");
        var granted = await bob.WaitForAsync("todos", "id", DemoService.AnnsTodo);
        Assert.Equal(await demo.ExpectedAsync("bob"), DemoService.Shown(granted));

        await demo.Database.ExecuteAsync($"DELETE FROM members WHERE list_id = '{DemoService.AnnsList}' AND user_id = 'bob'");
        var revoked = await bob.WaitAsync(view => view.Rows.All(row => row.Id != DemoService.AnnsTodo), "the row is gone");
        Assert.Equal(await demo.ExpectedAsync("bob"), DemoService.Shown(revoked));
        Assert.Equal(granted.Buckets.Count - 1, revoked.Buckets.Count);
    }

    [Fact]
    public async Task A_list_made_with_its_member_and_its_todo_arrives_in_one_checkpoint()
    {
        await using var demo = await DemoService.StartAsync();
        var bob = demo.Connect("bob");
        await bob.WaitForAsync("todos", "title", "Milk");

        await demo.Database.ExecuteAsync(
            """
            WITH list AS (INSERT INTO lists (id, owner_id, name) VALUES (gen_random_uuid(), 'bob', 'Party') RETURNING id),
                 member AS (INSERT INTO members (id, list_id, user_id) SELECT gen_random_uuid(), id, 'bob' FROM list)
            INSERT INTO todos (id, list_id, title, created_by) SELECT gen_random_uuid(), id, 'Balloons', 'bob' FROM list
            """);

        var view = await bob.WaitForAsync("lists", "name", "Party");
        Assert.Contains(view.Rows, row => row["title"] == "Balloons");
    }
}
