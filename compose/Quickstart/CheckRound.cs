using System.Diagnostics;
using System.Globalization;
using TopGun.Buckets.Client;

namespace TopGun.Buckets.Quickstart;

/// <summary>One scripted round of the main job, a line for each step that holds.</summary>
internal sealed class CheckRound(DemoStack stack, Device ann, Device bob, TextWriter output)
{
    private const string SharedList = "a0000000-0000-4000-8000-000000000001";
    private const string BobsList = "a0000000-0000-4000-8000-000000000003";
    private static readonly TimeSpan StepLimit = TimeSpan.FromSeconds(20);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await StepAsync("both devices have their first sync", async limit =>
        {
            await ann.Client.WaitForFirstSyncAsync(cancellationToken: limit);
            await bob.Client.WaitForFirstSyncAsync(cancellationToken: limit);
            await UntilAsync(ann, "Milk", limit);
            await UntilAsync(bob, "Milk", limit);
        }, cancellationToken);

        await StepAsync("each device has the rows of its user only", async limit =>
        {
            Expect(!await bob.HasAsync("The Periodic Table", limit), "Bob does not see Ann's list");
            Expect(!await ann.HasAsync("Change the oil", limit), "Ann does not see Bob's list");
        }, cancellationToken);

        await StepAsync("a row changed in Postgres arrives on both devices", async limit =>
        {
            await stack.Database.ExecuteAsync("UPDATE todos SET title = 'Oat milk' WHERE title = 'Milk'", limit);
            await UntilAsync(ann, "Oat milk", limit);
            await UntilAsync(bob, "Oat milk", limit);
        }, cancellationToken);

        await StepAsync("a write on Ann's device is visible there at once", async limit =>
        {
            await ann.AddAsync(SharedList, "Apples", limit);
            Expect(await ann.HasAsync("Apples", limit), "the row is there");
        }, cancellationToken);

        await StepAsync("it is uploaded to Postgres, once", async limit =>
        {
            await UntilAsync(async () => await stack.Database.ReadAsync("SELECT count(*) FROM todos WHERE title = 'Apples'", limit) == "1", limit);
        }, cancellationToken);

        await StepAsync("it arrives on Bob's device", limit => UntilAsync(bob, "Apples", limit), cancellationToken);

        await StepAsync("it has come back to Ann's device, and nothing waits there", async limit =>
        {
            await ann.Client.WaitForStatusAsync(status => status.PendingUploads == 0 && status.BlockedBy == BlockedBy.Nothing, limit);
            await stack.Database.ExecuteAsync("UPDATE todos SET title = 'Six apples' WHERE title = 'Apples'", limit);
            await UntilAsync(ann, "Six apples", limit);
        }, cancellationToken);

        await StepAsync("a new membership brings a list to Ann's device, and its end takes it away", async limit =>
        {
            await stack.Database.ExecuteAsync(
                $"INSERT INTO members (id, list_id, user_id) VALUES (gen_random_uuid(), '{BobsList}', 'ann')", limit);
            await UntilAsync(ann, "Change the oil", limit);
            await stack.Database.ExecuteAsync($"DELETE FROM members WHERE list_id = '{BobsList}' AND user_id = 'ann'", limit);
            await UntilAsync(async () => !await ann.HasAsync("Change the oil", limit), limit);
        }, cancellationToken);
    }

    private async Task StepAsync(string name, Func<CancellationToken, Task> step, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(StepLimit);
        var started = Stopwatch.GetTimestamp();
        try
        {
            await step(limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new QuickstartException(
                $"FAILED: {name}, within {StepLimit.TotalSeconds} s.\nAnn: {ann.Client.Status}\nBob: {bob.Client.Status}");
        }
        await output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture, $"ok: {name} ({Stopwatch.GetElapsedTime(started).TotalMilliseconds:0} ms)"));
    }

    private static Task UntilAsync(Device device, string title, CancellationToken cancellationToken) =>
        UntilAsync(() => device.HasAsync(title, cancellationToken), cancellationToken);

    private static async Task UntilAsync(Func<Task<bool>> holds, CancellationToken cancellationToken)
    {
        while (!await holds())
            await Task.Delay(5, cancellationToken);
    }

    private static void Expect(bool condition, string what)
    {
        if (!condition)
            throw new QuickstartException($"FAILED: it does not hold that {what}.");
    }
}
