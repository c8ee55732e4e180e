using System.Net;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

public class WriteCheckpointReturns
{
    private const string CountedByTheBackend =
        "event_definitions:\n  write_checkpoints:\n    payloads: [\"SELECT user_id, client_id, checkpoint FROM checkpoints\"]\n";

    [Fact]
    public async Task A_backend_that_counts_itself_is_heard_of_with_the_rows_it_wrote_before()
    {
        await using var demo = await DemoService.StartAsync(OperatorClient.Setting);
        await demo.Database.ExecuteAsync("CREATE TABLE checkpoints (user_id text, client_id text, checkpoint bigint, PRIMARY KEY (user_id, client_id))");
        var ann = demo.Connect("ann");
        var ours = await ann.RequestWriteCheckpointAsync();
        await ann.WaitAsync(view => view.WriteCheckpoint >= ours, $"write checkpoint {ours}");

        // The numbers of the backend are small: none of them may seem to be reached because of one of ours.
        await new OperatorClient(demo.Process).DeployAsync(DemoService.Rules + CountedByTheBackend);
        await ann.WaitAsync(view => view.WriteCheckpoint == 0, "write checkpoint 0");
        var refused = await Assert.ThrowsAsync<HttpRequestException>(ann.RequestWriteCheckpointAsync);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);

        await demo.Database.ExecuteAsync(
            $"UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'; INSERT INTO checkpoints VALUES ('ann', '{ann.ClientId}', 1), ('ann', 'another', 9)");
        var view = await ann.WaitAsync(view => view.WriteCheckpoint > 0, "write checkpoint 1");
        Assert.Equal(1ul, view.WriteCheckpoint);
        Assert.Contains(view.Rows, row => row["title"] == "Oat milk");

        await demo.Process.KillAsync();
        await demo.Database.ExecuteAsync($"UPDATE checkpoints SET checkpoint = 2 WHERE client_id = '{ann.ClientId}'");
        await demo.Process.StartAsync();
        await ann.WaitAsync(view => view.WriteCheckpoint == 2, "write checkpoint 2");
        Assert.Empty(ann.Violations);
    }

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
