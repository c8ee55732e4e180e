using System.Globalization;
using Spectre.Console;
using TopGun.Buckets.Client;

namespace TopGun.Buckets.Quickstart;

/// <summary>Two devices side by side in the terminal, and below them what has happened.</summary>
internal sealed class DemoScreen(Device ann, Device bob, TimeProvider time)
{
    private const int KeptEvents = 12;
    private const string Query =
        """
        SELECT todos.id, lists.name AS list, todos.title, todos.done
        FROM todos JOIN lists ON lists.id = todos.list_id ORDER BY lists.name, todos.created_at, todos.id
        """;

    private readonly Lock _gate = new();
    private readonly Queue<string> _events = new();
    private readonly Dictionary<Device, IReadOnlyList<TodoRow>> _rows = new() { [ann] = [], [bob] = [] };

    /// <summary>Draws until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var following = Task.WhenAll(FollowAsync(ann, cancellationToken), FollowAsync(bob, cancellationToken));
        await AnsiConsole.Live(Draw()).StartAsync(async live =>
        {
            while (!cancellationToken.IsCancellationRequested && !following.IsCompleted)
            {
                live.UpdateTarget(Draw());
                await Task.WhenAny(Task.Delay(TimeSpan.FromMilliseconds(100), time, cancellationToken), following);
            }
        });
        await following;
    }

    /// <summary>Adds a line below the devices.</summary>
    public void Tell(string sentence)
    {
        lock (_gate)
        {
            _events.Enqueue(string.Create(CultureInfo.InvariantCulture, $"{time.GetLocalNow():HH:mm:ss.fff}  {sentence}"));
            if (_events.Count > KeptEvents)
                _events.Dequeue();
        }
    }

    private async Task FollowAsync(Device device, CancellationToken cancellationToken)
    {
        await foreach (var rows in device.Client.Watch<TodoRow>(Query, cancellationToken: cancellationToken))
        {
            lock (_gate)
                _rows[device] = rows;
        }
    }

    private Rows Draw()
    {
        lock (_gate)
        {
            return new Rows(
                new Grid { Expand = true }.AddColumns(2).AddRow(Draw(ann), Draw(bob)),
                new Panel(new Text(string.Join('\n', _events))).Header("What happens").Expand(),
                new Text("Ctrl-C ends it."));
        }
    }

    private Panel Draw(Device device)
    {
        var table = new Table().Border(TableBorder.None).AddColumns("List", "Todo", "");
        foreach (var row in _rows[device])
            table.AddRow(new Text(row.List), new Text(row.Title), new Text(row.Done == 0 ? "" : "done"));
        return new Panel(new Rows(table, new Text(Describe(device.Client.Status)))).Header($"{device.User}'s device").Expand();
    }

    private static string Describe(SyncStatus status)
    {
        var uploads = status.PendingUploads == 0 ? "nothing to upload" : $"{status.PendingUploads} to upload";
        return $"{status.State}, {uploads}{(status.BlockedBy == BlockedBy.WriteCheckpoint ? ", waiting for a write to return" : "")}";
    }

    private sealed record TodoRow(string Id, string List, string Title, long Done);
}
