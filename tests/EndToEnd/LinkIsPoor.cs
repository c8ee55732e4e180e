using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>A device far away on a narrow link that loses packets, and in the end the connection: it costs time and nothing else.</summary>
public class LinkIsPoor
{
    [Fact]
    public async Task A_device_ends_with_what_the_source_has_and_connects_no_more_often_than_it_is_cut_off()
    {
        await using var demo = await DemoService.StartAsync();
        await demo.Database.ExecuteAsync(
            $"""
            INSERT INTO todos (id, list_id, title, created_by)
            SELECT gen_random_uuid(), '{DemoService.SharedList}', 'todo ' || n || ' ' || repeat(md5(n::text), 3), 'bob' FROM generate_series(1, 40) n
            """);
        await demo.Connect("ann").WaitAsync(static view => view.Rows.Count(static row => row.Type == "todos") == 43, "all todos");
        await using var link = PoorLink.Before(demo.Process.Url);
        await using var far = new ProtocolClient(link.Url, "ann");

        var half = link.WhenCarriedAsync(6_000);
        far.Start();
        await half; // it has some lines whole, and one in part
        link.LoseClients();
        var next = link.WhenCarriedAsync(1);
        await demo.Database.ExecuteAsync(
            $"""
            UPDATE todos SET title = title || ' changed' WHERE title LIKE 'todo 1%';
            DELETE FROM todos WHERE title LIKE 'todo 2%';
            DELETE FROM members WHERE list_id = '{DemoService.AnnsList}'
            """);
        await next; // the stream before is still being sent, into the void
        await demo.Database.ExecuteAsync("INSERT INTO todos (id, list_id, title, created_by) SELECT gen_random_uuid(), list_id, 'the end', 'bob' FROM todos WHERE title = 'Milk'");
        var view = await far.WaitForAsync("todos", "title", "the end");

        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.Empty(far.Violations);
        Assert.Equal(0, far.DroppedBuckets);
        Assert.Equal(2, link.Connections);
    }
}
