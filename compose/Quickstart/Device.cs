using System.Net.Http.Json;
using TopGun.Buckets.Client;

namespace TopGun.Buckets.Quickstart;

/// <summary>One user's device: a local database that is kept in step, as an app would set it up.</summary>
internal sealed class Device : IAsyncDisposable
{
    private static readonly LocalSchema Schema = new(
        new LocalTable("lists", LocalColumn.Text("owner_id"), LocalColumn.Text("name"), LocalColumn.Text("created_at")),
        new LocalTable("members", LocalColumn.Text("list_id"), LocalColumn.Text("user_id")),
        new LocalTable(
            "todos",
            LocalColumn.Text("list_id"),
            LocalColumn.Text("title"),
            LocalColumn.Integer("done"),
            LocalColumn.Text("created_by"),
            LocalColumn.Text("created_at")));

    private readonly HttpClient _http;

    private Device(string user, HttpClient http, BucketsClient client)
    {
        User = user;
        _http = http;
        Client = client;
    }

    public string User { get; }

    public BucketsClient Client { get; }

    /// <summary>Opens the device's database and starts synchronising.</summary>
    public static async Task<Device> ConnectAsync(string user, DemoStack stack, string folder, CancellationToken cancellationToken)
    {
        var http = new HttpClient { BaseAddress = stack.BackendUrl };
        var client = await BucketsClient.OpenAsync(
            new BucketsClientOptions
            {
                DatabasePath = Path.Combine(folder, $"{user}.db"),
                Schema = Schema,
                Endpoint = stack.ServiceUrl,
                Credentials = new CredentialsFrom(async (_, cancel) => new SyncCredentials(await FetchTokenAsync(http, user, cancel))),
                Upload = new HttpUploadHandler(
                    http, new Uri(stack.BackendUrl, "/upload"), async cancel => await FetchTokenAsync(http, user, cancel)),
            },
            cancellationToken);
        await client.ConnectAsync(cancellationToken);
        return new Device(user, http, client);
    }

    /// <summary>Writes a todo locally; it is uploaded when there is a connection.</summary>
    public Task<int> AddAsync(string list, string title, CancellationToken cancellationToken) => Client.ExecuteAsync(
        "INSERT INTO todos (id, list_id, title, done, created_by, created_at) VALUES (?, ?, ?, 0, ?, strftime('%Y-%m-%d %H:%M:%SZ'))",
        [Guid.NewGuid().ToString(), list, title, User],
        cancellationToken);

    public async Task<bool> HasAsync(string title, CancellationToken cancellationToken) =>
        (await Client.QueryAsync<long>("SELECT count(*) FROM todos WHERE title = ?", [title], cancellationToken))[0] > 0;

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        _http.Dispose();
    }

    private static async Task<string> FetchTokenAsync(HttpClient http, string user, CancellationToken cancellationToken)
    {
        var answer = await http.GetFromJsonAsync<TokenAnswer>($"/dev-token?user={Uri.EscapeDataString(user)}", cancellationToken);
        return answer?.Token ?? throw new QuickstartException("The backend gave no token.");
    }

    private sealed record TokenAnswer(string Token);
}
