using System.ComponentModel;
using TopGun.Buckets.Client;

namespace TopGun.Buckets.Samples.ViewModel;

/// <summary>Something to do.</summary>
[SyncedTable("todos")]
public sealed partial record TodoItem(string Id, string ListId, string Title, bool Done);

/// <summary>
/// The screen of one list, for WPF, MAUI, Avalonia or WinUI: bind a list control to <see cref="Todos"/> and a line of text to <see cref="Sync"/>.
/// Made on the user interface's thread, it changes there. Dispose it with the screen.
/// </summary>
public sealed class TodosViewModel : INotifyPropertyChanged, IDisposable
{
    private readonly BucketsClient _client;
    private readonly string _list;
    private readonly CancellationTokenSource _closed = new();

    public TodosViewModel(BucketsClient client, string list)
    {
        _client = client;
        _list = list;
        Todos = client.Table<TodoItem>().Live("WHERE list_id = ? ORDER BY done, title", [list]);
        _ = FollowStatusAsync();
    }

    /// <inheritdoc/>
    public event PropertyChangedEventHandler? PropertyChanged;

    /// <summary>The list's todos, as they are now.</summary>
    public LiveList<TodoItem> Todos { get; }

    /// <summary>How the device stands with the service, in a line for the user.</summary>
    public string Sync { get; private set; } = "";

    /// <summary>Adds a todo. It is on the screen at once, and with the others when the device is online.</summary>
    public Task AddAsync(string title) =>
        _client.Table<TodoItem>().InsertAsync(new TodoItem(Guid.NewGuid().ToString(), _list, title, Done: false), _closed.Token);

    /// <summary>Ticks a todo off, or on again.</summary>
    public Task ToggleAsync(TodoItem todo) => _client.Table<TodoItem>().UpdateAsync(todo with { Done = !todo.Done }, _closed.Token);

    public void Dispose()
    {
        _closed.Cancel();
        Todos.Dispose();
    }

    private async Task FollowStatusAsync()
    {
        try
        {
            // Awaited without ConfigureAwait(false): each turn is on the thread that made the view model.
            await foreach (var status in _client.WatchStatus(_closed.Token))
            {
                Sync = Describe(status);
                PropertyChanged?.Invoke(this, new PropertyChangedEventArgs(nameof(Sync)));
            }
        }
        catch (OperationCanceledException)
        {
            // The screen is closed.
        }
    }

    private static string Describe(SyncStatus status) => status switch
    {
        { State: ConnectionState.NeedsCredentials } => "Sign in to see what is new.",
        { UploadError: not null, PendingUploads: > 0 } => $"{status.PendingUploads} changes could not be sent yet.",
        { Download: { } download } => $"Loading {download.Fraction:P0}",
        { Connected: true, BlockedBy: BlockedBy.Nothing } => "Up to date.",
        { Connected: true } => "Sending your changes.",
        { LastSyncedAt: { } synced } => $"Offline since {synced.ToLocalTime():t}.",
        _ => "Not loaded yet.",
    };
}
