using System.Text.Json;
using TopGun.Buckets.Client;
using TopGun.Buckets.Client.Testing;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>A database that is not what it should be is found out, and mended by downloading again.</summary>
public sealed class CareTests : IAsyncDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly FakeSyncService _service = new();
    private BucketsClient? _client;

    [Theory]
    [InlineData(TableStorage.View)]
    [InlineData(TableStorage.Native)]
    public async Task What_is_wrong_is_found_and_downloading_again_mends_it(TableStorage storage)
    {
        var client = await SyncedAsync(storage);
        Assert.Equal([], (await client.VerifyAsync(ClientCalls.Now)).Problems);
        var rows = storage == TableStorage.Native ? "todos" : "tg_data__todos";
        var set = storage == TableStorage.Native ? "(id, title) VALUES('ghost', 'x')" : "(id, data) VALUES('ghost', '{\"title\":\"x\"}')";

        await client.RunAsync("UPDATE tg_tx SET applying = 1"); // as somebody does who edits what is the library's
        await client.RunAsync($"DELETE FROM {rows} WHERE id = 't1'");
        await client.RunAsync($"INSERT INTO {rows}{set}");
        await client.RunAsync("UPDATE tg_tx SET applying = 0");
        await client.RunAsync("DELETE FROM tg_op WHERE row_id = 't2'");
        var report = await client.VerifyAsync(ClientCalls.Now);

        Assert.Equal(
            [
                new VerifyProblem(VerifyProblemKind.BucketSum, report.Problems[0].Where),
                new VerifyProblem(VerifyProblemKind.RowWithoutOperation, "todos", 2, "ghost"),
                new VerifyProblem(VerifyProblemKind.OperationWithoutRow, "todos", 1, "t1"),
            ],
            report.Problems);
        Assert.True(report is { IsComplete: true, IsSound: false });

        await client.ResyncAsync(ClientCalls.Now);
        await client.WaitForCheckpointAsync(ClientCalls.Now).WaitAsync(Patience.Limit, ClientCalls.Now);

        Assert.Equal("t1=a t2=b t3=c", await Todos.RowsAsync(client));
        Assert.Equal([], (await client.VerifyAsync(ClientCalls.Now)).Problems);
    }

    [Fact]
    public async Task Downloading_again_keeps_local_writes_and_shows_the_old_rows_meanwhile()
    {
        var client = await SyncedAsync(TableStorage.View);
        _service.IsOffline = true;
        await client.UntilAsync(status => !status.Connected);
        await client.RunAsync("UPDATE todos SET title = 'mine' WHERE id = 't1'");
        await client.RunAsync("DELETE FROM todos WHERE id = 't2'");
        await client.RunAsync("INSERT INTO todos(id, title) VALUES('t4', 'new')");

        await client.ResyncAsync(ClientCalls.Now);
        Assert.Equal("t1=mine t3=c t4=new", await Todos.RowsAsync(client));
        Assert.Equal([], (await client.VerifyAsync(ClientCalls.Now)).Problems);
        _service.Put("todos", "t3", new() { ["title"] = "theirs" });
        _service.IsOffline = false;
        client.NotifyNetworkAvailable();
        await client.UntilAsync(status => status is { Connected: true, BlockedBy: BlockedBy.Nothing });
        await client.WaitForCheckpointAsync(ClientCalls.Now).WaitAsync(Patience.Limit, ClientCalls.Now);

        Assert.Equal("t1=mine t3=theirs t4=new", await Todos.RowsAsync(client));
        Assert.Equal("mine", (string?)_service.Find("todos", "t1")!["title"]);
        Assert.Null(_service.Find("todos", "t2"));
        Assert.Equal([], (await client.VerifyAsync(ClientCalls.Now)).Problems);
    }

    [Fact]
    public async Task Rows_of_a_table_that_the_schema_does_not_declare_are_looked_at_too()
    {
        _service.Put("other", "o1", new() { ["title"] = "x" });
        var client = await SyncedAsync(TableStorage.View);
        Assert.True((await client.VerifyAsync(ClientCalls.Now)).IsSound);

        await client.RunAsync("DELETE FROM tg_untyped");

        Assert.Equal([new VerifyProblem(VerifyProblemKind.OperationWithoutRow, "other", 1, "o1")], (await client.VerifyAsync(ClientCalls.Now)).Problems);
    }

    [Fact]
    public async Task Diagnostics_say_what_is_there_and_hold_no_rows()
    {
        _service.Decide = _ => UploadOutcome.Park("for later");
        var client = await SyncedAsync(TableStorage.View);
        await client.RunAsync("INSERT INTO todos(id, title) VALUES('t9', 'a secret')");
        await client.UntilAsync(status => status.ParkedUploads == 1);

        var text = await client.DumpDiagnosticsAsync(ClientCalls.Now);

        Assert.DoesNotContain("secret", text, StringComparison.Ordinal);
        using var json = JsonDocument.Parse(text);
        var root = json.RootElement;
        Assert.Equal(await client.GetClientIdAsync(ClientCalls.Now), root.GetProperty("clientId").GetString());
        Assert.Equal(3, root.GetProperty("buckets")[0].GetProperty("operations").GetInt64());
        Assert.Equal(("parked", "todos", "for later"), (Text("state"), Text("type"), Text("error")));
        var table = root.GetProperty("tables")[0];
        Assert.Equal(("todos", true), (table.GetProperty("name").GetString(), table.GetProperty("declared").GetBoolean()));
        Assert.Equal("Settled", root.GetProperty("firstDownload").GetString());

        string? Text(string property) => root.GetProperty("queue")[0].GetProperty(property).GetString();
    }

    private async Task<BucketsClient> SyncedAsync(TableStorage storage)
    {
        foreach (var (id, title) in ((string, string)[])[("t1", "a"), ("t2", "b"), ("t3", "c")])
            _service.Put("todos", id, new() { ["title"] = title });
        var schema = storage == TableStorage.Native ? Todos.NativeSchema : Todos.Schema;
        var client = _client = await BucketsClient.OpenAsync(_service.Connect(Todos.Options(_folder, schema)), ClientCalls.Now);
        await client.ConnectAsync(ClientCalls.Now);
        await client.SyncedAsync();
        return client;
    }

    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
            await _client.DisposeAsync();
        _folder.Dispose();
    }
}
