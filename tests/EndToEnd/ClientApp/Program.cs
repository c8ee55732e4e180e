// An app that is made to be killed. Arguments: database file, service, upload address, token, list, mode.
//
//   write   synchronises and writes one todo after the other; prints "wrote ID" after each local commit
//   share   as write, a hundred times, and prints "leads" or "follows" whenever that changes; then stays until it is ended
//   finish  synchronises until nothing waits and the todo "the end" is there; prints "row TEXT" for each row and "done"
//
// Or: database file, service, backend, user, socket, "obey": does what it is told through the socket; see ObedientApp.
using TopGun.Buckets.Client;
using TopGun.Buckets.Tests.EndToEnd.ClientApp;

if (args[5] == "obey")
{
    await ObedientApp.RunAsync(database: args[0], service: new Uri(args[1]), backend: new Uri(args[2]), user: args[3], socket: args[4]);
    return;
}
var (database, service, upload, token, list, mode) = (args[0], new Uri(args[1]), new Uri(args[2]), args[3], args[4], args[5]);
using var http = new HttpClient();
await using var client = await BucketsClient.OpenAsync(new BucketsClientOptions
{
    DatabasePath = database,
    Schema = new LocalSchema(
        new LocalTable("lists", LocalColumn.Text("owner_id"), LocalColumn.Text("name"), LocalColumn.Text("created_at")),
        new LocalTable("members", LocalColumn.Text("list_id"), LocalColumn.Text("user_id")),
        new LocalTable(
            "todos", LocalColumn.Text("list_id"), LocalColumn.Text("title"), LocalColumn.Integer("done"), LocalColumn.Text("created_by"))),
    Endpoint = service,
    Credentials = CredentialsFrom.Token(token),
    Upload = new HttpUploadHandler(http, upload, _ => ValueTask.FromResult<string?>(token)),
    UploadThrottle = TimeSpan.FromMilliseconds(5),
});
if (mode == "share")
    _ = TellWhoLeadsAsync();
await client.ConnectAsync();

if (mode == "finish")
{
    await foreach (var ended in client.Watch<long>("SELECT count(*) FROM todos WHERE title = 'the end'"))
    {
        if (ended[0] > 0)
            break;
    }
    await client.WaitForStatusAsync(status => status.PendingUploads == 0 && status.BlockedBy == BlockedBy.Nothing);
    var rows = await client.QueryAsync<string>(
        """
        SELECT 'lists/' || id || '/' || name FROM lists
        UNION ALL SELECT 'members/' || id || '/' || user_id FROM members
        UNION ALL SELECT 'todos/' || id || '/' || title || '/' || done FROM todos
        """);
    foreach (var row in rows)
        Console.WriteLine($"row {row}");
    Console.WriteLine("done");
    return;
}

for (var number = 0; mode != "share" || number < 100; number++)
{
    var id = Guid.NewGuid().ToString();
    await client.ExecuteAsync(
        "INSERT INTO todos (id, list_id, title, done, created_by) VALUES (?, ?, ?, 0, 'device')", [id, list, $"local {number}"]);
    Console.WriteLine($"wrote {id}");
    await Task.Delay(Random.Shared.Next(10));
}
await Task.Delay(Timeout.Infinite);

async Task TellWhoLeadsAsync()
{
    var last = "";
    await foreach (var status in client.WatchStatus())
    {
        var now = status.State switch
        {
            ConnectionState.Offline => "",
            ConnectionState.Following => "follows",
            _ => "leads",
        };
        if (now != last)
            Console.WriteLine(now);
        last = now;
    }
}
