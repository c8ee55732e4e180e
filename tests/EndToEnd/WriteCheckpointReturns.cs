using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

public class WriteCheckpointReturns
{
    [Fact]
    public async Task A_write_checkpoint_comes_back_with_what_was_written_before_it()
    {
        await using var demo = await DemoService.StartAsync();
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");

        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'");
        var requested = await ann.RequestWriteCheckpointAsync();

        var view = await ann.WaitAsync(view => view.WriteCheckpoint >= requested, $"write checkpoint {requested}");
        Assert.Contains(view.Rows, row => row["title"] == "Oat milk");
    }

    [Fact]
    public async Task A_write_checkpoint_comes_back_from_a_quiet_source()
    {
        await using var demo = await DemoService.StartAsync();
        var ann = demo.Connect("ann");
        await ann.WaitForAsync("todos", "title", "Milk");

        var first = await ann.RequestWriteCheckpointAsync();
        await ann.WaitAsync(view => view.WriteCheckpoint >= first, $"write checkpoint {first}");
        var second = await ann.RequestWriteCheckpointAsync();

        Assert.True(second > first, $"{second} follows {first}");
        await ann.WaitAsync(view => view.WriteCheckpoint >= second, $"write checkpoint {second}");
    }

    [Fact]
    public async Task Write_checkpoints_go_on_rising_after_a_restart()
    {
        await using var demo = await DemoService.StartAsync();
        var ann = demo.Connect("ann");
        var first = await ann.RequestWriteCheckpointAsync();
        await ann.WaitAsync(view => view.WriteCheckpoint >= first, $"write checkpoint {first}");

        await demo.Process.KillAsync();
        await demo.Process.StartAsync();
        var second = await ann.RequestWriteCheckpointAsync();

        Assert.True(second > first, $"{second} follows {first}");
        await ann.WaitAsync(view => view.WriteCheckpoint >= second, $"write checkpoint {second}");
    }
}
