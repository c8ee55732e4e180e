using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

public class RowsChange
{
    [Fact]
    public async Task An_insert_an_update_and_a_delete_arrive_on_an_open_stream()
    {
        await using var demo = await DemoService.StartAsync();
        var bob = demo.Connect("bob");
        await bob.WaitForAsync("todos", "title", "Milk");

        await demo.Database.ExecuteAsync(
            $"INSERT INTO todos (id, list_id, title, created_by) VALUES (gen_random_uuid(), '{DemoService.SharedList}', 'Eggs', 'ann')");
        await bob.WaitForAsync("todos", "title", "Eggs");

        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Six eggs', done = true WHERE title = 'Eggs'");
        var view = await bob.WaitForAsync("todos", "title", "Six eggs");
        Assert.DoesNotContain(view.Rows, row => row["title"] == "Eggs");

        await demo.Database.ExecuteAsync("DELETE FROM todos WHERE title = 'Six eggs'");
        await bob.WaitAsync(seen => seen.Rows.All(row => row["title"] != "Six eggs"), "the row is gone");
        Assert.Equal(await demo.ExpectedAsync("bob"), DemoService.Shown(await bob.WaitAsync(_ => true, "a checkpoint")));
    }

    [Fact]
    public async Task A_transaction_becomes_visible_as_a_whole()
    {
        await using var demo = await DemoService.StartAsync();
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");

        await demo.Database.ExecuteAsync(
            $"""
            INSERT INTO todos (id, list_id, title, created_by)
            SELECT gen_random_uuid(), '{DemoService.SharedList}', 'batch', 'ann' FROM generate_series(1, 5000)
            """);

        var view = await ann.WaitForAsync("todos", "title", "batch");
        Assert.Equal(5000, view.Rows.Count(row => row["title"] == "batch"));
    }

    [Fact]
    public async Task A_row_that_moves_to_another_list_leaves_those_who_may_not_see_it()
    {
        await using var demo = await DemoService.StartAsync();
        var ann = demo.Connect("ann");
        var bob = demo.Connect("bob");
        await bob.WaitForAsync("todos", "title", "Milk");

        await demo.Database.ExecuteAsync($"UPDATE todos SET list_id = '{DemoService.AnnsList}' WHERE title = 'Milk'");

        await bob.WaitAsync(view => view.Rows.All(row => row["title"] != "Milk"), "the row is gone");
        await ann.WaitAsync(
            view => view.Rows.Any(row => row["title"] == "Milk" && row["list_id"] == DemoService.AnnsList), "the row is in the other list");
    }

    [Fact]
    public async Task A_truncated_table_is_empty_on_every_device()
    {
        await using var demo = await DemoService.StartAsync();
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");

        await demo.Database.ExecuteAsync("TRUNCATE todos");

        var view = await ann.WaitAsync(view => view.Rows.All(row => row.Type != "todos"), "no todos");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
    }
}
