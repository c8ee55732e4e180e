// A to-do list at the command line, for the demo that compose/quickstart or docker compose starts.
//
//   todo ann lists                     what Ann may see
//   todo ann add LIST-ID Buy milk      works offline too: it is uploaded when the service can be reached
//   todo ann done TODO-ID
//   todo ann watch                     shows every change as it comes, local or from elsewhere; Ctrl-C ends it
//
// TODO_BACKEND   address of the demo's backend, which hands out tokens and takes uploads (default http://127.0.0.1:8081)
// TODO_FOLDER    where the user's database is kept (default: the current folder)
using System.Text.Json;
using TopGun.Buckets.Client;
using TopGun.Buckets.Samples.Todo;

if (args is not [var user, var command, ..])
{
    Console.Error.WriteLine("Say who you are and what to do: todo USER lists | add LIST-ID TITLE | done TODO-ID | watch");
    return 2;
}
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, press) =>
{
    press.Cancel = true;
    stop.Cancel();
};
using var http = new HttpClient { BaseAddress = new Uri(Environment.GetEnvironmentVariable("TODO_BACKEND") ?? "http://127.0.0.1:8081") };

// The app's own backend says who the user is, and where the sync service is. Asked again by itself before a token ends.
async ValueTask<SyncCredentials?> SignInAsync(CredentialsReason reason, CancellationToken cancellationToken)
{
    using var document = JsonDocument.Parse(await http.GetStringAsync($"/dev-token?user={Uri.EscapeDataString(user)}", cancellationToken));
    var answer = document.RootElement;
    return new SyncCredentials(answer.GetProperty("token").GetString()!, new Uri(answer.GetProperty("endpoint").GetString()!));
}

await using var client = await BucketsClient.OpenAsync(
    new BucketsClientOptions
    {
        DatabasePath = Path.Combine(Environment.GetEnvironmentVariable("TODO_FOLDER") ?? ".", $"todo-{user}.db"), // one file per user
        Schema = new LocalSchema(TodoList.Table, TodoItem.Table),
        Endpoint = new Uri("http://127.0.0.1:8080"), // unless the credentials name another
        Credentials = new CredentialsFrom(SignInAsync),
        Upload = new HttpUploadHandler(
            http, new Uri(http.BaseAddress, "/upload"), async cancellationToken => (await SignInAsync(CredentialsReason.Initial, cancellationToken))?.Token),
    },
    stop.Token);
client.WriteRejected += write => Console.Error.WriteLine($"The backend refused a change: {write.Reason}");
await client.ConnectAsync(stop.Token);
try
{
    return await RunAsync(client, user, command, args[2..], stop.Token);
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    return 0;
}

static async Task<int> RunAsync(BucketsClient client, string user, string command, string[] words, CancellationToken cancellationToken)
{
    switch (command, words)
    {
        case ("lists", []):
            await client.WaitForFirstSyncAsync(cancellationToken: cancellationToken);
            foreach (var list in await client.Table<TodoList>().QueryAsync("ORDER BY name", cancellationToken: cancellationToken))
                await ShowAsync(client, list, cancellationToken);
            return 0;
        case ("add", [var list, .. { Length: > 0 } title]):
            await client.Table<TodoItem>().InsertAsync(
                new TodoItem(Guid.NewGuid().ToString(), list, string.Join(' ', title), Done: false, user), cancellationToken);
            return await UploadedAsync(client, cancellationToken);
        case ("done", [var id]):
            await client.WaitForFirstSyncAsync(cancellationToken: cancellationToken);
            if (await client.Table<TodoItem>().FindAsync(id, cancellationToken) is not { } item)
            {
                Console.Error.WriteLine($"There is no todo {id}.");
                return 1;
            }
            await client.Table<TodoItem>().UpdateAsync(item with { Done = true }, cancellationToken);
            return await UploadedAsync(client, cancellationToken);
        case ("watch", []):
            await foreach (var items in client.Table<TodoItem>().Watch("ORDER BY done, title", cancellationToken: cancellationToken))
                Console.WriteLine(string.Join(", ", items.Select(item => item.Done ? $"({item.Title})" : item.Title)));
            return 0;
        default:
            Console.Error.WriteLine($"'{command}' with {words.Length} words is nothing that todo does.");
            return 2;
    }
}

static async Task ShowAsync(BucketsClient client, TodoList list, CancellationToken cancellationToken)
{
    Console.WriteLine($"{list.Name}  {list.Id}");
    foreach (var item in await client.Table<TodoItem>().QueryAsync("WHERE list_id = ? ORDER BY title", [list.Id], cancellationToken))
        Console.WriteLine($"  [{(item.Done ? 'x' : ' ')}] {item.Title}  {item.Id}");
}

// The change is safe in the file before this: waiting only tells the user more.
static async Task<int> UploadedAsync(BucketsClient client, CancellationToken cancellationToken)
{
    var status = await client.WaitForStatusAsync(
        status => status is { PendingUploads: 0, BlockedBy: BlockedBy.Nothing, Connected: true } || status.UploadError is not null || status.DownloadError is not null,
        cancellationToken);
    var failure = status.UploadError ?? status.DownloadError;
    Console.WriteLine(failure is null ? "Done, and everybody sees it." : $"Done here; it is uploaded later. {failure.Message}");
    return 0;
}
