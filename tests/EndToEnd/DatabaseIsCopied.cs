using TopGun.Buckets.Client;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>
/// A device's database is copied, and both go on: a backup is restored after the original has uploaded more, or a device is cloned. Both go by
/// one client id and give the same numbers to different transactions. No write is lost, and none takes effect twice.
/// </summary>
public sealed class DatabaseIsCopied : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("topgun-client-").FullName;
    private readonly HttpClient _http = new();

    [Fact]
    public async Task What_the_original_and_its_copy_write_takes_effect_once_each()
    {
        await using var demo = await DemoService.StartAsync();
        await using var backend = await DemoBackendProcess.StartAsync(demo.Database);
        await using (var original = await OpenAsync(demo, backend, "original.db"))
            await WriteAsync(original, "before the copy");

        // Written while nobody is connected, so the copy holds it as well, and both will send it.
        await using (var offline = await OpenAsync(demo, backend, "original.db", connect: false))
            await InsertAsync(offline, "waits in both");
        File.Copy(Path.Combine(_folder, "original.db"), Path.Combine(_folder, "copy.db"));

        string id;
        await using (var original = await OpenAsync(demo, backend, "original.db"))
        {
            id = await original.GetClientIdAsync(TestContext.Current.CancellationToken);
            await WriteAsync(original, "of the original");
        }
        await using var copy = await OpenAsync(demo, backend, "copy.db");
        await WriteAsync(copy, "of the copy");

        Assert.NotEqual(id, await copy.GetClientIdAsync(TestContext.Current.CancellationToken));
        Assert.Equal(
            "before the copy 1, of the copy 1, of the original 1, waits in both 1",
            await demo.Database.ReadAsync<string>(
                "SELECT string_agg(line, ', ' ORDER BY line) FROM (SELECT title || ' ' || count(*) line FROM todos WHERE created_by = 'device' GROUP BY title) lines"));
        Assert.Equal(
            ["before the copy", "of the copy", "of the original", "waits in both"],
            await copy.QueryAsync<string>("SELECT title FROM todos WHERE created_by = 'device' ORDER BY title", cancellationToken: TestContext.Current.CancellationToken));
    }

    public void Dispose()
    {
        _http.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task WriteAsync(BucketsClient client, string title)
    {
        await InsertAsync(client, title);
        // Uploaded, come back and shown.
        using var late = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        late.CancelAfter(Patience.Limit);
        try
        {
            await client.WaitForStatusAsync(
                status => status is { PendingUploads: 0, BlockedBy: BlockedBy.Nothing, HasSynced: true, Connected: true }, late.Token);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested)
        {
            Assert.Fail($"'{title}' does not come back: {client.Status}");
        }
    }

    private static Task<int> InsertAsync(BucketsClient client, string title) => client.ExecuteAsync(
        "INSERT INTO todos(id, list_id, title, done, created_by) VALUES(?, ?, ?, 0, 'device')",
        [Guid.NewGuid(), DemoService.SharedList, title], TestContext.Current.CancellationToken);

    private async Task<BucketsClient> OpenAsync(DemoService demo, DemoBackendProcess backend, string file, bool connect = true)
    {
        var token = new TestToken { Subject = "ann" }.ToString();
        var client = await BucketsClient.OpenAsync(
            new BucketsClientOptions
            {
                DatabasePath = Path.Combine(_folder, file),
                Schema = new LocalSchema(new LocalTable(
                    "todos", LocalColumn.Text("list_id"), LocalColumn.Text("title"), LocalColumn.Integer("done"), LocalColumn.Text("created_by"))),
                Endpoint = demo.Process.Url,
                Credentials = CredentialsFrom.Token(token),
                Upload = new HttpUploadHandler(_http, backend.UploadUrl, _ => ValueTask.FromResult<string?>(token)),
            },
            TestContext.Current.CancellationToken);
        if (connect)
            await client.ConnectAsync(TestContext.Current.CancellationToken);
        return client;
    }
}
