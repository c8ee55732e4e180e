using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>What devices see when rows changed without events, and when the source lost our place: the difference, in one step, and nothing else.</summary>
public class TablesAreReadAgain
{
    [Fact]
    public async Task Rows_that_a_rewrite_changed_arrive_in_one_step_and_the_others_are_not_sent_again()
    {
        await using var demo = await DemoService.StartAsync();
        await demo.Database.ExecuteAsync(
            $"INSERT INTO todos (id, list_id, title, created_by) SELECT gen_random_uuid(), '{DemoService.SharedList}', 'todo ' || n, 'ann' FROM generate_series(1, 2000) n");
        var ann = demo.Connect("ann");
        var before = await ann.WaitForAsync("todos", "title", "todo 2000");

        await demo.Database.ExecuteAsync("ALTER TABLE todos ALTER title TYPE text USING CASE WHEN title LIKE 'todo 1%' THEN upper(title) ELSE title END");

        var torn = false;
        var after = await ann.WaitAsync(
            view =>
            {
                var changed = view.Rows.Count(row => row["title"]?.StartsWith("TODO 1", StringComparison.Ordinal) == true);
                torn |= changed is not (0 or 1111);
                return changed == 1111;
            },
            "the rewritten rows");
        Assert.False(torn);
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(after));
        AssertKept(before, after, row => row["title"]?.StartsWith("TODO 1", StringComparison.Ordinal) != true);
    }

    [Fact]
    public async Task After_the_slot_was_lost_devices_get_what_differs()
    {
        await using var demo = await DemoService.StartAsync();
        await demo.Database.ExecuteAsync(
            $"INSERT INTO todos (id, list_id, title, created_by) SELECT gen_random_uuid(), '{DemoService.SharedList}', 'todo ' || n, 'ann' FROM generate_series(1, 2000) n");
        var ann = demo.Connect("ann");
        var before = await ann.WaitForAsync("todos", "title", "todo 2000");
        await demo.Process.StopAsync();

        await demo.Database.ExecuteAsync("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()");
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'changed' WHERE title = 'todo 7'; DELETE FROM todos WHERE title = 'todo 8'");
        await demo.Process.StartAsync();

        var after = await ann.WaitForAsync("todos", "title", "changed");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(after));
        AssertKept(before, after, row => row["title"] != "changed");
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'changed again' WHERE title = 'changed'");
        await ann.WaitForAsync("todos", "title", "changed again");
    }

    [Fact]
    public async Task Without_the_slot_and_by_the_policy_to_halt_devices_keep_what_there_was()
    {
        await using var demo = await DemoService.StartAsync(("TOPGUN_ON_CONTINUITY_LOST", "halt"));
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");
        await demo.Process.StopAsync();
        await demo.Database.ExecuteAsync("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()");
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Cream' WHERE title = 'Milk'");

        await demo.Process.StartAsync();

        var late = demo.Connect("ann");
        var view = await late.WaitForAsync("todos", "title", "Milk");
        Assert.DoesNotContain(view.Rows, row => row["title"] == "Cream");
        await demo.Process.WaitForLogAsync("Replication has halted (TGB1104");
    }

    [Fact]
    public async Task A_table_that_another_took_the_place_of_keeps_the_rows_that_are_the_same()
    {
        await using var demo = await DemoService.StartAsync();
        var bob = demo.Connect("bob");
        var before = await bob.WaitForAsync("todos", "title", "Milk");

        await demo.Database.ExecuteAsync(
            """
            BEGIN; CREATE TABLE todos_new (LIKE todos INCLUDING ALL); INSERT INTO todos_new SELECT * FROM todos;
            INSERT INTO todos_new (id, list_id, title, created_by) SELECT gen_random_uuid(), list_id, 'in the new one', 'ann' FROM todos WHERE title = 'Milk';
            ALTER TABLE todos RENAME TO todos_old; ALTER TABLE todos_new RENAME TO todos; COMMIT
            """);

        var after = await bob.WaitForAsync("todos", "title", "in the new one");
        Assert.Equal(await demo.ExpectedAsync("bob"), DemoService.Shown(after));
        AssertKept(before, after, row => row["title"] != "in the new one");
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
        await bob.WaitForAsync("todos", "title", "Oat milk");
    }

    [Fact]
    public async Task A_table_that_is_dropped_is_empty_on_every_device()
    {
        await using var demo = await DemoService.StartAsync();
        var bob = demo.Connect("bob");
        await bob.WaitForAsync("todos", "title", "Milk");

        await demo.Database.ExecuteAsync("DROP TABLE todos CASCADE; UPDATE lists SET name = name || '!'");

        await bob.WaitAsync(view => view.Rows.All(row => row.Type != "todos") && view.Rows.Any(row => row["name"]?.EndsWith('!') == true), "no todos");
    }

    /// <summary>Rows that did not change are there by the operations that brought them first.</summary>
    private static void AssertKept(ClientView before, ClientView after, Func<RowCopy, bool> isKept)
    {
        var first = before.Rows.ToDictionary(row => (row.Type, row.Id), row => row.OpId);
        var kept = after.Rows.Where(isKept).ToList();
        Assert.NotEmpty(kept);
        Assert.All(kept, row => Assert.Equal(first[(row.Type, row.Id)], row.OpId));
    }
}
