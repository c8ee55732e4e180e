using System.Text.Json.Nodes;
using TopGun.Buckets.Client;
using TopGun.Buckets.Client.Testing;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>The testing kit as a test of an app uses it.</summary>
public sealed class FakeSyncServiceTests : IDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly FakeSyncService _service = new();

    [Fact]
    public async Task Rows_arrive_and_uploads_come_back()
    {
        _service.Put("todos", "t1", new JsonObject { ["title"] = "Milk", ["done"] = 0 });
        await using var client = await ConnectedAsync();
        await SyncedAsync(client);
        Assert.Equal("t1=Milk", await Todos.RowsAsync(client));

        await client.RunAsync("UPDATE todos SET title = 'Oat milk'");
        await client.RunAsync("INSERT INTO todos(id, title) VALUES('t2', 'Eggs')");
        _service.Put("todos", "t3", new JsonObject { ["title"] = "Bread" });
        _service.Remove("todos", "t3");
        await SyncedAsync(client);

        Assert.Equal("t1=Oat milk t2=Eggs", await Todos.RowsAsync(client));
        Assert.Equal("""{"title":"Oat milk","done":0,"id":"t1"}""", _service.Find("todos", "t1")!.ToJsonString());
        Assert.Equal(["PATCH t1", "PUT t2"], _service.Uploaded.Select(write => $"{write.Entries[0].Op.ToString().ToUpperInvariant()} {write.Entries[0].Id}"));
        Assert.Null(_service.Find("todos", "t3"));
    }

    [Fact]
    public async Task A_refused_write_reverts()
    {
        _service.Decide = write => write.Entries[0].Id == "bad" ? UploadOutcome.Reject("no") : UploadOutcome.Done;
        await using var client = await ConnectedAsync();
        var rejected = new List<string>();
        client.WriteRejected += write => rejected.Add(write.Transaction.Entries[0].Id);

        await client.RunAsync("INSERT INTO todos(id, title) VALUES('bad', 'x')");
        await client.RunAsync("INSERT INTO todos(id, title) VALUES('good', 'y')");
        await SyncedAsync(client);

        Assert.Equal("good=y", await Todos.RowsAsync(client));
        Assert.Equal(["bad"], rejected);
    }

    [Fact]
    public async Task What_is_written_offline_is_uploaded_when_the_network_is_back()
    {
        await using var client = await ConnectedAsync();
        await SyncedAsync(client);
        _service.IsOffline = true;
        await client.UntilAsync(status => !status.Connected);
        await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'offline')");
        await client.UntilAsync(status => status.UploadError is not null);

        _service.IsOffline = false;
        client.NotifyNetworkAvailable();
        await client.UntilAsync(status => status is { Connected: true, BlockedBy: BlockedBy.Nothing });

        Assert.Equal("offline", (string?)_service.Find("todos", "t1")!["title"]);
        Assert.Equal("t1=offline", await Todos.RowsAsync(client));
    }

    [Fact]
    public async Task Several_clients_see_each_others_rows_and_go_on_after_a_cut()
    {
        using var otherFolder = new ScratchFolder();
        await using var client = await ConnectedAsync();
        await using var other = await BucketsClient.OpenAsync(_service.Connect(Todos.Options(otherFolder)) with { Random = new Random(8) }, ClientCalls.Now);
        await other.ConnectAsync(ClientCalls.Now);
        await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'of one')");
        await SyncedAsync(client);
        _service.CutStreams();
        await other.RunAsync("INSERT INTO todos(id, title) VALUES('t2', 'of the other')");
        await SyncedAsync(other);
        await SyncedAsync(client);

        Assert.Equal("t1=of one t2=of the other", await Todos.RowsAsync(client));
        Assert.Equal("t1=of one t2=of the other", await Todos.RowsAsync(other));
    }

    private async Task<BucketsClient> ConnectedAsync()
    {
        var client = await BucketsClient.OpenAsync(_service.Connect(Todos.Options(_folder)), ClientCalls.Now);
        await client.ConnectAsync(ClientCalls.Now);
        return client;
    }

    /// <summary>Waits until nothing is on its way in either direction.</summary>
    private static async Task SyncedAsync(BucketsClient client)
    {
        await client.UntilAsync(status => status is { Connected: true, BlockedBy: BlockedBy.Nothing });
        await client.WaitForCheckpointAsync(ClientCalls.Now).WaitAsync(Patience.Limit, ClientCalls.Now);
    }

    public void Dispose() => _folder.Dispose();
}
