using System.Globalization;
using TopGun.Buckets.Client;

namespace TopGun.Buckets.Quickstart;

/// <summary>Makes things happen on the screen: now in Postgres, now on a device, one every few seconds.</summary>
internal sealed class DemoActivity(DemoStack stack, Device ann, Device bob, DemoScreen screen, TimeProvider time)
{
    private const string SharedList = "a0000000-0000-4000-8000-000000000001";
    private const string BobsList = "a0000000-0000-4000-8000-000000000003";
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(3);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await ann.Client.WaitForFirstSyncAsync(cancellationToken: cancellationToken);
        await bob.Client.WaitForFirstSyncAsync(cancellationToken: cancellationToken);
        screen.Tell("Both devices have their first sync.");

        for (var number = 1; ; number++)
        {
            await PauseAsync(cancellationToken);
            await InPostgresAsync(
                $"INSERT INTO todos (id, list_id, title, created_by) VALUES (gen_random_uuid(), '{SharedList}', 'Errand {number}', 'ann')",
                cancellationToken);

            await PauseAsync(cancellationToken);
            await OnDeviceAsync(ann, $"Idea {number}", cancellationToken);

            await PauseAsync(cancellationToken);
            await InPostgresAsync($"UPDATE todos SET done = true WHERE title = 'Errand {number}'", cancellationToken);

            await PauseAsync(cancellationToken);
            await InPostgresAsync(
                $"INSERT INTO members (id, list_id, user_id) VALUES (gen_random_uuid(), '{BobsList}', 'ann')", cancellationToken);

            await PauseAsync(cancellationToken);
            await OnDeviceAsync(bob, $"Wish {number}", cancellationToken);

            await PauseAsync(cancellationToken);
            await InPostgresAsync($"DELETE FROM members WHERE list_id = '{BobsList}' AND user_id = 'ann'", cancellationToken);

            await PauseAsync(cancellationToken);
            await InPostgresAsync(
                string.Create(CultureInfo.InvariantCulture, $"DELETE FROM todos WHERE title IN ('Errand {number}', 'Idea {number}', 'Wish {number}')"),
                cancellationToken);
        }
    }

    private async Task InPostgresAsync(string sql, CancellationToken cancellationToken)
    {
        screen.Tell($"In Postgres: {sql}");
        await stack.Database.ExecuteAsync(sql, cancellationToken);
    }

    private async Task OnDeviceAsync(Device device, string title, CancellationToken cancellationToken)
    {
        screen.Tell($"On {device.User}'s device: INSERT '{title}'");
        var started = time.GetTimestamp();
        var synced = device.Client.Status.LastSyncedAt;
        await device.AddAsync(SharedList, title, cancellationToken);
        await device.Client.WaitForStatusAsync(
            status => status.LastSyncedAt > synced && status.PendingUploads == 0 && status.BlockedBy == BlockedBy.Nothing, cancellationToken);
        screen.Tell(string.Create(
            CultureInfo.InvariantCulture, $"'{title}' was uploaded and has come back, {time.GetElapsedTime(started).TotalMilliseconds:0} ms after the write."));
    }

    private Task PauseAsync(CancellationToken cancellationToken) => Task.Delay(Pause, time, cancellationToken);
}
