using TopGun.Buckets.Client;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

public sealed class DownloadTests : IAsyncDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly ScriptedService _service = new();
    private BucketsClient? _client;

    [Fact]
    public async Task Rows_become_visible_with_the_complete_line()
    {
        var client = await ConnectAsync();
        var stream = await _service.NextStreamAsync();

        await stream.SendAsync(
            Lines.Checkpoint(2, null, ("b", 30, 3)),
            Lines.Data("b", Lines.Put(1, "todos", "t1", """{"id":"t1","title":"Milk"}""", 10), Lines.Put(2, "todos", "t2", """{"id":"t2","title":"Eggs"}""", 20)),
            Lines.Complete(2));
        await client.SyncedAsync();

        Assert.Equal("t1=Milk t2=Eggs", await Todos.RowsAsync(client));
        Assert.True(client.Status.Connected);
        Assert.Null(client.Status.DownloadError);
    }

    private async Task<BucketsClient> ConnectAsync()
    {
        _client = await BucketsClient.OpenAsync(
            Todos.Options(_folder) with { Transport = _service }, TestContext.Current.CancellationToken);
        await _client.ConnectAsync(TestContext.Current.CancellationToken);
        return _client;
    }

    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
            await _client.DisposeAsync();
        _folder.Dispose();
    }
}
